// lightning_decode: lightning attention of one token up to its output, and the output gate.
//   x = rms_norm(hidden, norm, rms_norm_eps); per head q, k, v = silu(x · qkv_projᵀ)
//   S = exp(-slope) S + kᵀ v;  attention_output = q S;  gate = sigmoid(x · output_gateᵀ)
// Bindings:
//   0 step: Step, read — done: the state stays as it is
//   1 hidden: array<vec4<f32>>, read — (1, hidden_size)
//   2 norm: array<vec4<f32>>, read — input_layernorm, (hidden_size)
//   3 weights: array<vec4<u32>>, read — qkv_proj then output_gate, encoded, (num_heads * 4 * head_dim, hidden_size)
//   4 slopes: array<f32>, read — (num_heads), of this layer
//   5 state: array<vec4<f32>>, read_write — S, (num_heads, head_dim, head_dim), updated in place
//   6 attention_output: array<vec4<f32>>, read_write — (1, num_heads * head_dim), written
//   7 gate: array<vec4<f32>>, read_write — (1, num_heads * head_dim), written
// Dispatch: (num_heads, head_dim / VALUE_COLUMNS rounded up, 1) workgroups; each computes its head's q and k, and owns
//   VALUE_COLUMNS columns of v, gate, state and output.
// Source: arXiv:2501.08313 §2.2
// Reference: src/reference/kernels/lightning-decode.ts, lightningDecode
// Appends: common/step.wgsl, common/normed_hidden.wgsl, common/sums.wgsl, common/matvec.wgsl, common/half.wgsl,
//   common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;  // 2 head_dim + 2 VALUE_COLUMNS
override INPUT_GROUPS: u32;
override STAGED_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override VALUE_COLUMNS: u32;  // a multiple of 4

const MAX_STATE_ROWS: u32 = 8u;  // of a thread: head_dim * VALUE_COLUMNS / 4 is at most as many times WORKGROUP_SIZE

@group(0) @binding(0) var<storage, read> step: Step;
@group(0) @binding(1) var<storage, read> hidden: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> slopes: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> attention_output: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> gate: array<vec4<f32>>;

var<workgroup> activated: array<f32, ROWS>;  // q, k, columns of v, columns of the gate
var<workgroup> column_sums: array<vec4<f32>, WORKGROUP_SIZE>;

var<private> attention_head: u32;
var<private> first_column: u32;

fn input_value(column4: u32) -> vec4<f32> {
  return normed_hidden(column4);
}

fn row_group(index: u32, group: u32) -> array<vec4<f32>, 8> {
  let head_row = attention_head * 3u * HEAD_DIM;
  if (index < 2u * HEAD_DIM) {
    return weight_group(head_row + index, group);
  }
  let column_index = index - 2u * HEAD_DIM;
  // Columns past the head repeat its last one; they are not stored.
  let column = min(first_column + column_index % VALUE_COLUMNS, HEAD_DIM - 1u);
  let gate_row = (NUM_HEADS * 3u + attention_head) * HEAD_DIM;
  return weight_group(select(gate_row, head_row + 2u * HEAD_DIM, column_index < VALUE_COLUMNS) + column, group);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  attention_head = workgroup.x;
  first_column = workgroup.y * VALUE_COLUMNS;
  // Read before the products, so that they hide its latency.
  let quad = local % (VALUE_COLUMNS / 4u);
  let column4 = first_column / 4u + quad;
  let first_state_row = local / (VALUE_COLUMNS / 4u);
  let row_step = WORKGROUP_SIZE / (VALUE_COLUMNS / 4u);
  let state_base = attention_head * HEAD_DIM * (HEAD_DIM / 4u) + min(column4, HEAD_DIM / 4u - 1u);
  var old: array<vec4<f32>, MAX_STATE_ROWS>;
  for (var i = 0u; i < MAX_STATE_ROWS; i++) {
    old[i] = state[state_base + min(first_state_row + i * row_step, HEAD_DIM - 1u) * (HEAD_DIM / 4u)];
  }
  set_norm_scale(workgroup_sums(vec2<f32>(hidden_squares(local), 0.0), local).x);
  multiply_rows(local);
  let gate_index = 2u * HEAD_DIM + VALUE_COLUMNS;
  for (var index = local; index < ROWS; index += WORKGROUP_SIZE) {
    let sum = row_sum(index);
    activated[index] = select(sum, 1.0, index >= gate_index) / (1.0 + exp(-sum));
  }
  workgroupBarrier();

  var sum = vec4<f32>();
  if (column4 < HEAD_DIM / 4u) {
    let decay = exp(-slopes[attention_head]);
    let value_index = 2u * HEAD_DIM + 4u * quad;
    let value = vec4<f32>(
      activated[value_index], activated[value_index + 1u], activated[value_index + 2u], activated[value_index + 3u],
    );
    for (var i = 0u; i < MAX_STATE_ROWS; i++) {
      let row = first_state_row + i * row_step;
      if (row < HEAD_DIM) {
        let updated = decay * old[i] + activated[HEAD_DIM + row] * value;
        sum += activated[row] * updated;
        if (step.done == 0u) {
          state[state_base + row * (HEAD_DIM / 4u)] = updated;
        }
      }
    }
  }
  column_sums[local] = sum;
  workgroupBarrier();
  if (local < VALUE_COLUMNS / 4u && column4 < HEAD_DIM / 4u) {
    var total = vec4<f32>();
    for (var i = local; i < WORKGROUP_SIZE; i += VALUE_COLUMNS / 4u) {
      total += column_sums[i];
    }
    let first_gate = gate_index + 4u * quad;
    attention_output[attention_head * (HEAD_DIM / 4u) + column4] = total;
    gate[attention_head * (HEAD_DIM / 4u) + column4] = vec4<f32>(
      activated[first_gate], activated[first_gate + 1u], activated[first_gate + 2u], activated[first_gate + 3u],
    );
  }
}
