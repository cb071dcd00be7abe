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

var<workgroup> largest_parts: array<f32, WORKGROUP_SIZE>;
var<workgroup> total_parts: array<f32, WORKGROUP_SIZE>;

var<private> first_row: u32;  // of the workgroup

/// Splits of one head, weighed against their largest score.
struct Combined {
  largest: f32,
  total: f32,
  sum: vec4<f32>,  // of four channels
}

/// Every `step_splits`-th split from `first` on.
fn combine(column4: u32, first: u32, step_splits: u32) -> Combined {
  let head = column4 / (HEAD_DIM / 4u);
  let column = column4 % (HEAD_DIM / 4u);
  let last = num_splits() - 1u;
  var largest = LOWEST_SCORE;
  var total = 0.0;
  var sum = vec4<f32>();
  for (var split = first; split <= last; split += BATCH * step_splits) {
    var batch_stats: array<vec2<f32>, BATCH>;
    var batch: array<vec4<f32>, BATCH>;
    var new_largest = largest;
    for (var i = 0u; i < BATCH; i++) {
      // Splits past the last repeat it; they weigh nothing.
      let row = min(split + i * step_splits, last) * NUM_HEADS + head;
      batch_stats[i] = stats[row];
      batch[i] = partials[row * (HEAD_DIM / 4u) + column];
      new_largest = max(new_largest, batch_stats[i].x);
    }
    let shrink = exp(largest - new_largest);
    largest = new_largest;
    total *= shrink;
    sum *= shrink;
    for (var i = 0u; i < BATCH; i++) {
      let weight = select(0.0, exp(batch_stats[i].x - largest), split + i * step_splits <= last);
      total += weight * batch_stats[i].y;
      sum += weight * batch[i];
    }
  }
  return Combined(largest, total, sum);
}

/// Fills `staged`; ends with a barrier. Uses `lane_sums`, before the products do.
fn stage_combined(local: u32) {
  let num_columns = NUM_HEADS * HEAD_DIM / 4u;
  // As many threads share a column's splits as there are to share them.
  let num_parts = max(1u, min(WORKGROUP_SIZE / num_columns, (num_splits() + BATCH - 1u) / BATCH));
  if (num_parts > 1u) {
    let part = combine(local % num_columns, local / num_columns, num_parts);
    largest_parts[local] = part.largest;
    total_parts[local] = part.total;
    lane_sums[local] = part.sum.x;
    lane_sums[WORKGROUP_SIZE + local] = part.sum.y;
    lane_sums[2u * WORKGROUP_SIZE + local] = part.sum.z;
    lane_sums[3u * WORKGROUP_SIZE + local] = part.sum.w;
  }
  workgroupBarrier();
  for (var i = local; i < INPUT_GROUPS * 8u; i += WORKGROUP_SIZE) {
    var value = vec4<f32>();
    if (i < num_columns) {
      var whole: Combined;
      if (num_parts > 1u) {
        whole = gathered(i, num_columns, num_parts);
      } else {
        whole = combine(i, 0u, 1u);
      }
      value = whole.sum / whole.total;
    }
    staged[(i / 8u) * GROUP_STRIDE + i % 8u] = value;
  }
  workgroupBarrier();
}

/// A column's parts together.
fn gathered(column4: u32, num_columns: u32, num_parts: u32) -> Combined {
  var whole = Combined(LOWEST_SCORE, 0.0, vec4<f32>());
  for (var part = 0u; part < num_parts; part++) {
    whole.largest = max(whole.largest, largest_parts[part * num_columns + column4]);
  }
  for (var part = 0u; part < num_parts; part++) {
    let thread = part * num_columns + column4;
    let weight = exp(largest_parts[thread] - whole.largest);
    whole.total += weight * total_parts[thread];
    whole.sum += weight * vec4<f32>(
      lane_sums[thread],
      lane_sums[WORKGROUP_SIZE + thread],
      lane_sums[2u * WORKGROUP_SIZE + thread],
      lane_sums[3u * WORKGROUP_SIZE + thread],
    );
  }
  return whole;
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
  fetch_rows(local);
  stage_combined(local);
  multiply_rows(local);
  for (var index = local; index < ROWS; index += WORKGROUP_SIZE) {
    let row = first_row + index;
    if (row < HIDDEN_SIZE) {
      hidden_next[row] = ALPHA * residual[row] + BETA * row_sum(index);
    }
  }
}
