// A sum over a workgroup, in one barrier; once in a kernel. The kernel declares `override WORKGROUP_SIZE: u32`.
// Which threads make up a subgroup, and how many, is the GPU's choice.
var<workgroup> sum_parts: array<f32, WORKGROUP_SIZE>;

/// The sum of the values of the first `count` threads; the others' are zero.
fn workgroup_sum(value: f32, count: u32, local: u32) -> f32 {
  let part = subgroupAdd(value);
  // A subgroup's part stands at its first thread: beyond `count` there is none.
  sum_parts[local] = select(0.0, part, subgroupMin(local) == local);
  let lane = subgroupExclusiveAdd(1u);
  let num_lanes = subgroupAdd(1u);
  workgroupBarrier();
  var total = 0.0;
  for (var i = lane; i < min(count, WORKGROUP_SIZE); i += num_lanes) {
    total += sum_parts[i];
  }
  return subgroupAdd(total);
}
