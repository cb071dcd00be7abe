// Two sums over a workgroup at once, in one barrier; once in a kernel. The kernel declares `override WORKGROUP_SIZE: u32`.
// Which threads make up a subgroup, and how many, is the GPU's choice.
var<workgroup> sum_parts: array<vec2<f32>, WORKGROUP_SIZE>;

fn workgroup_sums(value: vec2<f32>, local: u32) -> vec2<f32> {
  let part = subgroupAdd(value);
  sum_parts[local] = select(vec2<f32>(), part, subgroupElect());
  let lane = subgroupExclusiveAdd(1u);
  let num_lanes = subgroupAdd(1u);
  workgroupBarrier();
  var total = vec2<f32>();
  for (var i = lane; i < WORKGROUP_SIZE; i += num_lanes) {
    total += sum_parts[i];
  }
  return subgroupAdd(total);
}
