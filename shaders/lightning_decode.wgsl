// lightning_decode: a lightning layer's attention for one token, as terms of the residual stream.
//   hidden = the terms of the kernel before;  x = rms_norm(hidden, norm, rms_norm_eps);  per head q, k, v = silu(x · qkv_projᵀ)
//   S = exp(-slope) S + kᵀ v;  o = q S;  g = o ⊙ attention_norm ⊙ sigmoid(x · output_gateᵀ)
//   next_terms[0] = x;  next_terms[1 + workgroup] = g · out_projᵀ over its columns, and their sum of o²;  the last row: hidden
//   The norm of o spans all heads: whoever sums the terms divides by its root, which is the same for all of them.
// Bindings:
//   0 step: Step, read — done: the state stays as it is
//   1 terms: array<vec4<f32>>, read — (1 + NUM_TERMS, hidden_size + 4), or hidden itself
//   2 norm: array<vec4<f32>>, read — input_layernorm, (hidden_size)
//   3 weights: array<vec4<u32>>, read — qkv_proj then output_gate, encoded, (num_heads * 4 * head_dim, hidden_size)
//   4 attention_norm: array<f32>, read — (num_heads * head_dim), then slopes of this layer (num_heads)
//   5 state: array<vec4<f32>>, read_write — S, (num_heads, head_dim, head_dim), updated in place
//   6 out_weights: array<vec4<u32>>, read — out_proj, encoded, (hidden_size, num_heads * head_dim)
//   7 next_terms: array<f32>, read_write — (workgroups + 2, hidden_size + 4), written
// Dispatch: (num_heads, head_dim / SLICE_COLUMNS rounded up, 1) workgroups; each computes its head's q and k, and owns
//   SLICE_COLUMNS columns of v, gate, state and o, and one term.
// Source: arXiv:2501.08313 §2.2; arXiv:2203.00555 (DeepNorm residual)
// Reference: src/reference/kernels/lightning-decode.ts, lightningDecode
// Appends: common/step.wgsl, common/residual_terms.wgsl, common/sums.wgsl, common/matvec.wgsl, common/slice_product.wgsl,
//   common/column_sums.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl, common/weight_FORMAT.wgsl as out

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;  // 2 head_dim + 2 SLICE_COLUMNS
override INPUT_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override OUT_WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override NUM_TERMS: u32;
override SCALE_SIZE: u32;
override ALPHA: f32;
override BETA: f32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override SLICE_COLUMNS: u32;
override MIN_SUBGROUPS: u32;  // of a workgroup

@group(0) @binding(0) var<storage, read> step: Step;
@group(0) @binding(1) var<storage, read> terms: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> attention_norm: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> out_weights: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> next_terms: array<f32>;

var<workgroup> activated: array<f32, ROWS>;  // q, k, columns of v, columns of the gate
var<workgroup> column_weights: array<f32, SLICE_COLUMNS>;
var<workgroup> column_squares: array<f32, SLICE_COLUMNS>;

var<private> attention_head: u32;
var<private> first_column: u32;  // of the head
var<private> is_first_workgroup: bool;
// Read ahead:
var<private> old: vec4<f32>;  // of the thread's first row; on a large GPU it has no other
var<private> slope: f32;
var<private> is_done: bool;
var<private> column_weight: f32;  // attention_norm of column number `local` of the slice

fn num_slices() -> u32 {
  return (HEAD_DIM + SLICE_COLUMNS - 1u) / SLICE_COLUMNS;
}

fn keep_hidden(column4: u32, value: vec4<f32>) {
  if (is_first_workgroup) {
    let base = (NUM_HEADS * num_slices() + 1u) * (HIDDEN_SIZE + 4u) + 4u * column4;
    next_terms[base] = value.x;
    next_terms[base + 1u] = value.y;
    next_terms[base + 2u] = value.z;
    next_terms[base + 3u] = value.w;
  }
}

fn product_row(index: u32) -> u32 {
  let head_row = attention_head * 3u * HEAD_DIM;
  if (index < 2u * HEAD_DIM) {
    return head_row + index;
  }
  let column_index = index - 2u * HEAD_DIM;
  // Columns past the head repeat its last one; they count for nothing.
  let column = min(first_column + column_index % SLICE_COLUMNS, HEAD_DIM - 1u);
  let gate_row = (NUM_HEADS * 3u + attention_head) * HEAD_DIM;
  return select(gate_row, head_row + 2u * HEAD_DIM, column_index < SLICE_COLUMNS) + column;
}

/// Four columns of the slice, in a thread's part of the state.
fn state_quad(local: u32) -> u32 {
  return local % (SLICE_COLUMNS / 4u);
}

/// Threads that share a column of the state, a row each at a time.
fn row_step() -> u32 {
  return WORKGROUP_SIZE / (SLICE_COLUMNS / 4u);
}

fn state_at(row: u32, quad: u32) -> u32 {
  let column4 = min(first_column / 4u + quad, HEAD_DIM / 4u - 1u);
  return (attention_head * HEAD_DIM + min(row, HEAD_DIM - 1u)) * (HEAD_DIM / 4u) + column4;
}

fn read_ahead(local: u32) {
  fetch_rows(local);
  old = state[state_at(local / (SLICE_COLUMNS / 4u), state_quad(local))];
  slope = attention_norm[NUM_HEADS * HEAD_DIM + attention_head];
  is_done = step.done != 0u;
  let column = first_column + min(local, SLICE_COLUMNS - 1u);
  column_weight = attention_norm[attention_head * HEAD_DIM + min(column, HEAD_DIM - 1u)];
  fetch_slice(min(local, HIDDEN_SIZE - 1u), attention_head * HEAD_DIM + first_column);
  prepare_columns();
}

fn gate_index() -> u32 {
  return 2u * HEAD_DIM + SLICE_COLUMNS;
}

/// A column of o, into the slice.
fn keep_column(column: u32, output: f32) {
  let is_column = first_column + column < HEAD_DIM;
  slice[column] = select(0.0, output * column_weights[column] * activated[gate_index() + column], is_column);
  column_squares[column] = select(0.0, output * output, is_column);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  attention_head = workgroup.x;
  first_column = workgroup.y * SLICE_COLUMNS;
  is_first_workgroup = workgroup.x == 0u && workgroup.y == 0u;
  stage_hidden(local);
  // As many threads as a slice has columns are in any workgroup.
  if (local < SLICE_COLUMNS) {
    column_weights[local] = column_weight;
  }
  multiply_rows(local);
  for (var index = local; index < ROWS; index += WORKGROUP_SIZE) {
    let sum = row_sum(index) * norm_scale;
    activated[index] = select(sum, 1.0, index >= gate_index()) / (1.0 + exp(-sum));
  }
  workgroupBarrier();

  let quad = state_quad(local);
  let first_row = local / (SLICE_COLUMNS / 4u);
  var sum = vec4<f32>();
  if (first_column + 4u * quad < HEAD_DIM) {
    let decay = exp(-slope);
    let value_index = 2u * HEAD_DIM + 4u * quad;
    let value = vec4<f32>(
      activated[value_index], activated[value_index + 1u], activated[value_index + 2u], activated[value_index + 3u],
    );
    for (var row = first_row; row < HEAD_DIM; row += row_step()) {
      if (row != first_row) {
        old = state[state_at(row, quad)];
      }
      let updated = decay * old + activated[HEAD_DIM + row] * value;
      sum += activated[row] * updated;
      if (!is_done) {
        state[state_at(row, quad)] = updated;
      }
    }
  }
  // The products are done with: their memory takes the threads' sums, a column's one after another.
  for (var i = 0u; i < 4u; i++) {
    lane_sums[(4u * quad + i) * (row_step() + 1u) + first_row] = sum[i];
  }
  workgroupBarrier();
  sum_columns(row_step(), local);
  workgroupBarrier();

  let term = (attention_head * num_slices() + workgroup.y + 1u) * (HIDDEN_SIZE + 4u);
  for (var row = local; row < HIDDEN_SIZE; row += WORKGROUP_SIZE) {
    next_terms[term + row] = slice_sum(row, attention_head * HEAD_DIM + first_column);
    if (is_first_workgroup) {
      next_terms[row] = normed_hidden(row / 4u)[row % 4u];
    }
  }
  // Not a thread that has the longest way already.
  if (local == WORKGROUP_SIZE - 1u) {
    var squares = 0.0;
    for (var column = 0u; column < SLICE_COLUMNS; column++) {
      squares += column_squares[column];
    }
    next_terms[term + HIDDEN_SIZE] = squares;
  }
}
