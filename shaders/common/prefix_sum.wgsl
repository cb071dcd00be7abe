// Running sums over a workgroup. The kernel declares `override WORKGROUP_SIZE: u32`.
var<workgroup> prefix_sums: array<f32, WORKGROUP_SIZE>;

// Fills prefix_sums: at each thread the sum of its value and those of all threads before it.
fn prefix_sum(value: f32, local: u32) {
  var sum = value;
  prefix_sums[local] = sum;
  workgroupBarrier();
  for (var distance = 1u; distance < WORKGROUP_SIZE; distance *= 2u) {
    if (local >= distance) {
      sum += prefix_sums[local - distance];
    }
    workgroupBarrier();
    prefix_sums[local] = sum;
    workgroupBarrier();
  }
}

// After prefix_sum.
fn sum_before(local: u32) -> f32 {
  if (local == 0u) {
    return 0.0;
  }
  return prefix_sums[local - 1u];
}
