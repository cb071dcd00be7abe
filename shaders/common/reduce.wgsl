// Sums and maxima over a workgroup. The kernel declares `override WORKGROUP_SIZE: u32` (a power of two).
var<workgroup> reduce_scratch: array<f32, WORKGROUP_SIZE>;

fn workgroup_sum(value: f32, local: u32) -> f32 {
  reduce_scratch[local] = value;
  workgroupBarrier();
  for (var width = WORKGROUP_SIZE / 2u; width > 0u; width /= 2u) {
    if (local < width) {
      reduce_scratch[local] += reduce_scratch[local + width];
    }
    workgroupBarrier();
  }
  let total = reduce_scratch[0];
  workgroupBarrier();
  return total;
}

fn workgroup_max(value: f32, local: u32) -> f32 {
  reduce_scratch[local] = value;
  workgroupBarrier();
  for (var width = WORKGROUP_SIZE / 2u; width > 0u; width /= 2u) {
    if (local < width) {
      reduce_scratch[local] = max(reduce_scratch[local], reduce_scratch[local + width]);
    }
    workgroupBarrier();
  }
  let largest = reduce_scratch[0];
  workgroupBarrier();
  return largest;
}
