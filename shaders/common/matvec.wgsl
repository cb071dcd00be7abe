// ROWS products of encoded rows with one vector, for a single token; once in a kernel. The kernel declares
// `override WORKGROUP_SIZE, LANES, ROWS, INPUT_GROUPS, STAGED_GROUPS: u32` (LANES divides WORKGROUP_SIZE) and defines
// `input_value(column4) -> vec4<f32>`, the vector, zero where rows are padded, below 8 · INPUT_GROUPS, and
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
    for (var group = lane; group < num_groups; group += LANES) {
      // Read once for all rows: workgroup memory would be slower than the weights.
      let base = group * GROUP_STRIDE;
      let x_0 = staged[base];
      let x_1 = staged[base + 1u];
      let x_2 = staged[base + 2u];
      let x_3 = staged[base + 3u];
      let x_4 = staged[base + 4u];
      let x_5 = staged[base + 5u];
      let x_6 = staged[base + 6u];
      let x_7 = staged[base + 7u];
      for (var index = local / LANES; index < ROWS; index += WORKGROUP_SIZE / LANES) {
        let w = row_group(index, first + group);
        lane_sums[index * (LANES + 1u) + lane] += dot(w[0], x_0) + dot(w[1], x_1) + dot(w[2], x_2) + dot(w[3], x_3)
          + dot(w[4], x_4) + dot(w[5], x_5) + dot(w[6], x_6) + dot(w[7], x_7);
      }
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
