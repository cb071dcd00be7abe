// attention_output_decode: the splits of one token's softmax attention combined, output projection and scaled residual.
//   o[head] = sum over splits of exp(largest - max) · partial / sum over splits of exp(largest - max) · sum
//   hidden_next = alpha · residual + beta · (o · o_projᵀ)
// Bindings:
//   0 step: Step, read — position of the token
//   1 residual: array<f32>, read — (1, hidden_size), the normed input of the layer
//   2 stats: array<vec2<f32>>, read — (splits, num_heads): largest score, and sum
//   3 partials: array<vec4<f32>>, read — (splits, num_heads, head_dim)
//   4 weights: array<vec4<u32>>, read — o_proj, encoded, (hidden_size, num_heads * head_dim)
//   5 hidden_next: array<f32>, read_write — (1, hidden_size), written
// Dispatch: (hidden_size / ROWS rounded up, 1, 1) workgroups; each combines anew, and owns ROWS rows.
// Source: flash-decoding (Dao et al. 2023); arXiv:2203.00555 (DeepNorm residual)
// Reference: src/reference/kernels/attention-output-decode.ts, attentionOutputDecode
// Appends: common/step.wgsl, common/key_window.wgsl, common/decode_splits.wgsl, common/matvec.wgsl, common/half.wgsl,
//   common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;
override INPUT_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override MAX_SPLITS: u32;
override SPLIT_UNIT: u32;
override FIRST_KEYS: u32;
override LAST_KEYS: u32;
override ALPHA: f32;
override BETA: f32;

const LOWEST_SCORE: f32 = -1e30;
const BATCH: u32 = 8u;  // splits that are read at once

@group(0) @binding(0) var<storage, read> step: Step;
@group(0) @binding(1) var<storage, read> residual: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> hidden_next: array<f32>;

var<private> first_row: u32;  // of the workgroup

fn input_value(column4: u32) -> vec4<f32> {
  if (column4 >= NUM_HEADS * HEAD_DIM / 4u) {
    return vec4<f32>();
  }
  let head = column4 / (HEAD_DIM / 4u);
  let column = column4 % (HEAD_DIM / 4u);
  let last = num_splits() - 1u;
  var largest = LOWEST_SCORE;
  var total = 0.0;
  var sum = vec4<f32>();
  for (var first = 0u; first <= last; first += BATCH) {
    var batch_stats: array<vec2<f32>, BATCH>;
    var batch: array<vec4<f32>, BATCH>;
    var new_largest = largest;
    for (var i = 0u; i < BATCH; i++) {
      // Splits past the last repeat it; they weigh nothing.
      let row = min(first + i, last) * NUM_HEADS + head;
      batch_stats[i] = stats[row];
      batch[i] = partials[row * (HEAD_DIM / 4u) + column];
      new_largest = max(new_largest, batch_stats[i].x);
    }
    let shrink = exp(largest - new_largest);
    largest = new_largest;
    total *= shrink;
    sum *= shrink;
    for (var i = 0u; i < BATCH; i++) {
      let weight = select(0.0, exp(batch_stats[i].x - largest), first + i <= last);
      total += weight * batch_stats[i].y;
      sum += weight * batch[i];
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
