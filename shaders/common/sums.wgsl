// A sum over a workgroup, in two barriers; once in a kernel. The kernel declares `override WORKGROUP_SIZE: u32`
// (a multiple of SUM_WIDTH).
const SUM_WIDTH: u32 = 16u;

var<workgroup> sum_parts: array<f32, WORKGROUP_SIZE>;

/// Before a sum.
fn prepare_sums() {}

/// The sum of the values of the first `count` threads; the others' are zero.
fn workgroup_sum(value: f32, count: u32, local: u32) -> f32 {
  sum_parts[local] = value;
  workgroupBarrier();
  if (local < SUM_WIDTH) {
    var part = value;
    for (var i = local + SUM_WIDTH; i < min(count, WORKGROUP_SIZE); i += SUM_WIDTH) {
      part += sum_parts[i];
    }
    sum_parts[local] = part;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < SUM_WIDTH; i++) {
    total += sum_parts[i];
  }
  return total;
}
