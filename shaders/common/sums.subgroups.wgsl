// A sum over a workgroup, in one barrier; once in a kernel. The kernel declares `override WORKGROUP_SIZE: u32`.
// Which threads make up a subgroup, and how many, is the GPU's choice: each subgroup adds up all values anew.
var<workgroup> sum_parts: array<f32, WORKGROUP_SIZE>;

var<workgroup> next_subgroup: atomic<u32>;

var<private> subgroup_number: u32;
var<private> lane: u32;  // of the thread in its subgroup
var<private> num_lanes: u32;

/// Before a sum, best while reads are on their way.
fn prepare_sums() {
  lane = subgroupExclusiveAdd(1u);
  num_lanes = subgroupAdd(1u);
}

/// A subgroup's number in `subgroup_number`: which threads a subgroup has is the GPU's choice, so subgroups draw theirs.
fn draw_subgroup() {
  var number = 0u;
  if (subgroupElect()) {
    number = atomicAdd(&next_subgroup, 1u);
  }
  subgroup_number = subgroupBroadcastFirst(number);
}

fn sum_part(i: u32, end: u32) -> f32 {
  return select(0.0, sum_parts[min(i, end - 1u)], i < end);
}

/// The sum of the values of the first `count` threads; the others' are zero.
fn workgroup_sum(value: f32, count: u32, local: u32) -> f32 {
  sum_parts[local] = value;
  workgroupBarrier();
  let end = min(count, WORKGROUP_SIZE);
  var part = 0.0;
  // Four at once, so that they arrive together.
  for (var i = lane; i < end; i += 4u * num_lanes) {
    part += sum_part(i, end) + sum_part(i + num_lanes, end)
      + sum_part(i + 2u * num_lanes, end) + sum_part(i + 3u * num_lanes, end);
  }
  return subgroupAdd(part);
}
