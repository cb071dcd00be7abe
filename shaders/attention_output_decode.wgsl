// attention_output_decode: the splits of one token's softmax attention combined, output projection and scaled residual.
//   o[head] = sum over splits of exp(largest - max) · acc / sum over splits of exp(largest - max) · sum
//   hidden_next = alpha · residual + beta · (o · o_projᵀ)
// Bindings:
//   0 call: Call, uniform — num_segments
//   1 residual: array<f32>, read — (1, hidden_size), the normed input of the layer
//   2 partials: array<vec2<f32>>, read — (segments, SPLITS, num_heads, head_dim + 2): accumulator, largest score, sum
//   3 weights: array<vec4<u32>>, read — o_proj, encoded, (hidden_size, num_heads * head_dim)
//   4 hidden_next: array<f32>, read_write — (1, hidden_size), written
// Dispatch: (hidden_size / ROWS rounded up, 1, 1) workgroups; each combines anew, and owns ROWS rows.
// Source: flash-decoding (Dao et al. 2023); arXiv:2203.00555 (DeepNorm residual)
// Reference: src/reference/kernels/attention-output-decode.ts, attentionOutputDecode
// Appends: common/call.wgsl, common/matvec.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;
override INPUT_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override SPLITS: u32;
override ALPHA: f32;
override BETA: f32;

const LOWEST_SCORE: f32 = -1e30;
const BATCH: u32 = 4u;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> residual: array<f32>;
@group(0) @binding(2) var<storage, read> partials: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> hidden_next: array<f32>;

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

fn product_row(index: u32) -> u32 {
  return min(first_row + index, HIDDEN_SIZE - 1u);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_output_decode(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  first_row = workgroup.x * ROWS;
  for (var i = local; i < INPUT_GROUPS * 8u; i += WORKGROUP_SIZE) {
    staged[(i / 8u) * GROUP_STRIDE + i % 8u] = input_value(i);
  }
  workgroupBarrier();
  multiply_rows(local);
  for (var index = local; index < ROWS; index += WORKGROUP_SIZE) {
    let row = first_row + index;
    if (row < HIDDEN_SIZE) {
      hidden_next[row] = ALPHA * residual[row] + BETA * row_sum(index);
    }
  }
}
