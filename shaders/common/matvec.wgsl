// ROWS products of encoded rows with one vector, for a single token; once in a kernel. The kernel declares
// `override WORKGROUP_SIZE, LANES, ROWS, INPUT_GROUPS: u32` (LANES divides WORKGROUP_SIZE), defines
// `product_row(index) -> u32`, the row of product `index`, and fills `staged` before a barrier: the
// vector, value 4 · column4 of it at `staged[(column4 / 8) · GROUP_STRIDE + column4 % 8]`, zero where rows are padded.
// A group of 32 values takes 9 vec4: the ninth keeps lanes in different banks.
const GROUP_STRIDE: u32 = 9u;

override LANE_SUMS: u32;  // at least ROWS · (LANES + 1) and 4 · WORKGROUP_SIZE: other steps use the memory too

var<workgroup> staged: array<vec4<f32>, INPUT_GROUPS * GROUP_STRIDE>;
var<workgroup> lane_sums: array<f32, LANE_SUMS>;

/// Computes all products of the workgroup, LANES threads a row; `row_sum` gives them afterwards, to any thread.
fn multiply_rows(local: u32) {
  let lane = local % LANES;
  let row_step = WORKGROUP_SIZE / LANES;
  for (var index = local / LANES; index < ROWS; index += row_step) {
    lane_sums[index * (LANES + 1u) + lane] = 0.0;
  }
  for (var group = lane; group < INPUT_GROUPS; group += LANES) {
    // Read once for all rows: workgroup memory would be slower than the weights.
    let base = group * GROUP_STRIDE;
    let x = array<vec4<f32>, 8>(
      staged[base], staged[base + 1u], staged[base + 2u], staged[base + 3u],
      staged[base + 4u], staged[base + 5u], staged[base + 6u], staged[base + 7u],
    );
    for (var index = local / LANES; index < ROWS; index += row_step) {
      let row = product_row(index);
      lane_sums[index * (LANES + 1u) + lane] += weight_scale(row, group) * group_dot(weight_quants(row, group), x);
    }
  }
  workgroupBarrier();
}

fn group_dot(w: array<vec4<f32>, 8>, x: array<vec4<f32>, 8>) -> f32 {
  return dot(w[0], x[0]) + dot(w[1], x[1]) + dot(w[2], x[2]) + dot(w[3], x[3])
    + dot(w[4], x[4]) + dot(w[5], x[5]) + dot(w[6], x[6]) + dot(w[7], x[7]);
}

fn row_sum(index: u32) -> f32 {
  var sum = 0.0;
  for (var lane = 0u; lane < LANES; lane++) {
    sum += lane_sums[index * (LANES + 1u) + lane];
  }
  return sum;
}
