// Running sums over a workgroup, in a fixed order. The kernel declares `override WORKGROUP_SIZE: u32`, a multiple of RUN.
const RUN: u32 = 16u;

var<workgroup> run_sums: array<f32, WORKGROUP_SIZE>;

struct PrefixSum {
  before: f32,   // over the threads before this one: exactly the previous thread's `through`
  through: f32,  // with this one
  total: f32,    // over all
}

// A barrier must stand between one call's and the next.
fn prefix_sum(value: f32, local: u32) -> PrefixSum {
  run_sums[local] = value;
  workgroupBarrier();
  if (local % RUN == 0u) {
    for (var i = 1u; i < RUN; i++) {
      run_sums[local + i] += run_sums[local + i - 1u];
    }
  }
  workgroupBarrier();
  let own_run = local / RUN;
  var start = 0.0;
  var total = 0.0;
  for (var run = 0u; run < WORKGROUP_SIZE / RUN; run++) {
    start = select(start, total, run == own_run);
    total += run_sums[run * RUN + RUN - 1u];
  }
  var before = start;
  if (local % RUN > 0u) {
    before += run_sums[local - 1u];
  }
  return PrefixSum(before, start + run_sums[local], total);
}
