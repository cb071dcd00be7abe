// attention_output_decode: the splits of one token's softmax attention combined, output projection and scaled residual.
//   o[head] = sum over splits of exp(largest - max) · acc / sum over splits of exp(largest - max) · sum
//   hidden_next = alpha · rms_norm(hidden, norm, rms_norm_eps) + beta · (o · o_projᵀ)
// Bindings:
//   0 call: Call, uniform — num_segments
//   1 hidden: array<vec4<f32>>, read — (1, hidden_size)
//   2 norm: array<vec4<f32>>, read — input_layernorm, (hidden_size)
//   3 partials: array<vec2<f32>>, read — (segments, SPLITS, num_heads, head_dim + 2): accumulator, largest score, sum
//   4 weights: array<vec4<u32>>, read — o_proj, encoded, (hidden_size, num_heads * head_dim)
//   5 hidden_next: array<f32>, read_write — (1, hidden_size), written
// Dispatch: (hidden_size / ROWS rounded up, 1, 1) workgroups; each combines anew, and owns ROWS rows.
// Source: flash-decoding (Dao et al. 2023); arXiv:2203.00555 (DeepNorm residual)
// Reference: src/reference/kernels/attention-output-decode.ts, attentionOutputDecode
// Appends: common/call.wgsl, common/normed_hidden.wgsl, common/sums.wgsl, common/matvec.wgsl, common/half.wgsl,
//   common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;
override INPUT_GROUPS: u32;
override STAGED_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override SPLITS: u32;
override ALPHA: f32;
override BETA: f32;

const LOWEST_SCORE: f32 = -1e30;
const BATCH: u32 = 4u;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> hidden: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> partials: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> hidden_next: array<f32>;

var<private> first_row: u32;  // of the workgroup

fn input_value(column4: u32) -> vec4<f32> {
  if (column4 >= NUM_HEADS * HEAD_DIM / 4u) {
    return vec4<f32>();
  }
  let head = column4 / (HEAD_DIM / 4u);
  let column2 = 2u * (column4 % (HEAD_DIM / 4u));
  var largest = LOWEST_SCORE;
  var total = 0.0;
  var sum = vec4<f32>();
  // Batches, so that their reads overlap; SPLITS is a whole number of them.
  for (var part = 0u; part < call.num_segments * SPLITS; part += BATCH) {
    var stats: array<vec2<f32>, BATCH>;
    var values: array<vec4<f32>, BATCH>;
    var new_largest = largest;
    for (var i = 0u; i < BATCH; i++) {
      let base = ((part + i) * NUM_HEADS + head) * (HEAD_DIM / 2u + 1u);
      stats[i] = partials[base + HEAD_DIM / 2u];
      values[i] = vec4<f32>(partials[base + column2], partials[base + column2 + 1u]);
      new_largest = max(new_largest, select(LOWEST_SCORE, stats[i].x, stats[i].y > 0.0));
    }
    let shrink = exp(largest - new_largest);
    largest = new_largest;
    total *= shrink;
    sum *= shrink;
    for (var i = 0u; i < BATCH; i++) {
      let weight = select(0.0, exp(min(stats[i].x - largest, 0.0)), stats[i].y > 0.0);
      total += weight * stats[i].y;
      sum += weight * values[i];
    }
  }
  return sum / total;
}

fn row_group(index: u32, group: u32) -> array<vec4<f32>, 8> {
  return weight_group(min(first_row + index, HIDDEN_SIZE - 1u), group);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_output_decode(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  first_row = workgroup.x * ROWS;
  set_norm_scale(workgroup_sums(vec2<f32>(hidden_squares(local), 0.0), local).x);
  multiply_rows(local);
  for (var index = local; index < ROWS; index += WORKGROUP_SIZE) {
    let row = first_row + index;
    if (row < HIDDEN_SIZE) {
      hidden_next[row] = ALPHA * normed_hidden(row / 4u)[row % 4u] + BETA * row_sum(index);
    }
  }
}
