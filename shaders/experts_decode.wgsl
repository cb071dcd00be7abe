// experts_decode: a layer's mixture of experts for one token, as terms of the residual stream.
//   hidden = the terms of the kernel before;  x = rms_norm(hidden, norm, rms_norm_eps);  of softmax(x · routerᵀ) the
//   EXPERTS_PER_TOKEN largest, renormalised to sum 1, ties to the lower index
//   next_terms[0] = x;  next_terms[1 + workgroup] = weight · (silu(x · w1ᵀ) ⊙ (x · w3ᵀ)) · w2ᵀ over its columns of one of the
//   chosen;  the last row: hidden
// Bindings:
//   0 terms: array<vec4<f32>>, read — (1 + NUM_TERMS, hidden_size + 4), or hidden itself
//   1 norm: array<vec4<f32>>, read — post_attention_layernorm, (hidden_size)
//   2 router: array<vec4<f32>>, read — f32, (num_experts, hidden_size)
//   3 weights: array<vec4<u32>>, read — gate_up_proj, encoded, (num_experts * 2 * intermediate_size, hidden_size), w1 before w3
//   4 out_weights: array<vec4<u32>>, read — down_proj, encoded, (num_experts * hidden_size, intermediate_size)
//   5 next_terms: array<f32>, read_write — (workgroups + 2, hidden_size + 4), written
// Dispatch: (intermediate_size / SLICE_COLUMNS rounded up, experts_per_token, 1) workgroups; each routes anew, which is
//   cheap, and owns SLICE_COLUMNS columns of one choice, and one term.
// Source: arXiv:2501.08313 §2.1; arXiv:2203.00555 (DeepNorm residual)
// Reference: src/reference/kernels/experts-decode.ts, expertsDecode
// Appends: common/residual_terms.wgsl, common/sums.wgsl, common/routing.wgsl, common/matvec.wgsl, common/slice_product.wgsl,
//   common/half.wgsl, common/weight_FORMAT.wgsl, common/weight_FORMAT.wgsl as out

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;  // 2 SLICE_COLUMNS
override INPUT_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override OUT_WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override NUM_TERMS: u32;
override SCALE_SIZE: u32;
override ALPHA: f32;
override BETA: f32;
override NUM_EXPERTS: u32;
override EXPERTS_PER_TOKEN: u32;
override EXPERT_THREADS: u32;  // num_experts rounded up to a divisor of WORKGROUP_SIZE
override MIN_SUBGROUPS: u32;   // of a workgroup
override INTERMEDIATE_SIZE: u32;
override SLICE_COLUMNS: u32;

@group(0) @binding(0) var<storage, read> terms: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> router: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> out_weights: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> next_terms: array<f32>;

var<private> expert: u32;
var<private> first_column: u32;
var<private> is_first_workgroup: bool;

fn num_slices() -> u32 {
  return (INTERMEDIATE_SIZE + SLICE_COLUMNS - 1u) / SLICE_COLUMNS;
}

fn keep_hidden(column4: u32, value: vec4<f32>) {
  if (is_first_workgroup) {
    let base = (EXPERTS_PER_TOKEN * num_slices() + 1u) * (HIDDEN_SIZE + 4u) + 4u * column4;
    next_terms[base] = value.x;
    next_terms[base + 1u] = value.y;
    next_terms[base + 2u] = value.z;
    next_terms[base + 3u] = value.w;
  }
}

fn product_row(index: u32) -> u32 {
  // Columns past the expert repeat its last one; they count for nothing.
  let column = min(first_column + index % SLICE_COLUMNS, INTERMEDIATE_SIZE - 1u);
  return (expert * 2u + index / SLICE_COLUMNS) * INTERMEDIATE_SIZE + column;
}

fn read_ahead(local: u32) {
  read_router(local);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn experts_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  first_column = workgroup.x * SLICE_COLUMNS;
  is_first_workgroup = workgroup.x == 0u && workgroup.y == 0u;
  stage_hidden(local);
  expert = route(workgroup.y, local);
  fetch_rows(local);
  fetch_slice(expert * HIDDEN_SIZE + min(local, HIDDEN_SIZE - 1u), first_column);
  let weight = chosen_weight(expert);
  multiply_rows(local);
  for (var column = local; column < SLICE_COLUMNS; column += WORKGROUP_SIZE) {
    let gate = row_sum(column) * norm_scale;
    let up = gate / (1.0 + exp(-gate)) * row_sum(SLICE_COLUMNS + column) * norm_scale;
    slice[column] = select(0.0, up * weight, first_column + column < INTERMEDIATE_SIZE);
  }
  workgroupBarrier();
  let term = (workgroup.y * num_slices() + workgroup.x + 1u) * (HIDDEN_SIZE + 4u);
  for (var row = local; row < HIDDEN_SIZE; row += WORKGROUP_SIZE) {
    next_terms[term + row] = slice_sum(expert * HIDDEN_SIZE + row, first_column);
    if (is_first_workgroup) {
      next_terms[row] = normed_hidden(row / 4u)[row % 4u];
    }
  }
}
