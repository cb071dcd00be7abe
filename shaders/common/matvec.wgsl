// ROWS products of encoded rows with one vector, for a single token. The kernel declares `override WORKGROUP_SIZE, LANES,
// ROWS, INPUT_GROUPS, STAGED_GROUPS: u32` (LANES divides WORKGROUP_SIZE) and defines
// `input_value(column4) -> vec4<f32>`, the vector, zero where a row is padded, below 8 · INPUT_GROUPS, and
// `row_group(index, group) -> array<vec4<f32>, 8>`, the weights of product `index`.
// The vector is staged STAGED_GROUPS groups at a time; a group takes 9 vec4: the ninth keeps lanes in different banks.
const GROUP_STRIDE: u32 = 9u;

var<workgroup> staged: array<vec4<f32>, STAGED_GROUPS * GROUP_STRIDE>;
var<workgroup> lane_sums: array<f32, ROWS * (LANES + 1u)>;

/// Computes all products of the workgroup, LANES threads a row; `row_sum` gives them afterwards, to any thread.
fn multiply_rows(local: u32) {
  let lane = local % LANES;
  for (var first = 0u; first < INPUT_GROUPS; first += STAGED_GROUPS) {
    let num_groups = min(STAGED_GROUPS, INPUT_GROUPS - first);
    for (var i = local; i < num_groups * 8u; i += WORKGROUP_SIZE) {
      staged[(i / 8u) * GROUP_STRIDE + i % 8u] = input_value(first * 8u + i);
    }
    workgroupBarrier();
    for (var index = local / LANES; index < ROWS; index += WORKGROUP_SIZE / LANES) {
      var sum = 0.0;
      for (var group = lane; group < num_groups; group += LANES) {
        let values = row_group(index, first + group);
        let base = group * GROUP_STRIDE;
        sum += dot(values[0], staged[base]) + dot(values[1], staged[base + 1u])
          + dot(values[2], staged[base + 2u]) + dot(values[3], staged[base + 3u])
          + dot(values[4], staged[base + 4u]) + dot(values[5], staged[base + 5u])
          + dot(values[6], staged[base + 6u]) + dot(values[7], staged[base + 7u]);
      }
      let i = index * (LANES + 1u) + lane;
      lane_sums[i] = select(lane_sums[i] + sum, sum, first == 0u);
    }
    workgroupBarrier();
  }
}

fn row_sum(index: u32) -> f32 {
  var sum = 0.0;
  for (var lane = 0u; lane < LANES; lane++) {
    sum += lane_sums[index * (LANES + 1u) + lane];
  }
  return sum;
}
