// Two sums over a workgroup at once, in two barriers; once in a kernel. The kernel declares `override WORKGROUP_SIZE: u32`
// (a multiple of SUM_WIDTH).
const SUM_WIDTH: u32 = 16u;

var<workgroup> sum_parts: array<vec2<f32>, WORKGROUP_SIZE>;

fn workgroup_sums(value: vec2<f32>, local: u32) -> vec2<f32> {
  sum_parts[local] = value;
  workgroupBarrier();
  if (local < SUM_WIDTH) {
    for (var i = local + SUM_WIDTH; i < WORKGROUP_SIZE; i += SUM_WIDTH) {
      sum_parts[local] += sum_parts[i];
    }
  }
  workgroupBarrier();
  var total = vec2<f32>();
  for (var i = 0u; i < SUM_WIDTH; i++) {
    total += sum_parts[i];
  }
  return total;
}
