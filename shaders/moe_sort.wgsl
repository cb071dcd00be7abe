// moe_sort: slots (token, choice) of a block, sorted by expert.
//   sorted_slots[expert_offsets[e] .. expert_offsets[e + 1]] = slots with expert_ids[slot] == e, in any order
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 expert_ids: array<u32>, read — (num_tokens, experts_per_token)
//   2 expert_offsets: array<u32>, read_write — (num_experts + 1), written
//   3 sorted_slots: array<u32>, read_write — (num_tokens · experts_per_token), written
// Dispatch: (1, 1, 1) workgroups. The order within an expert varies between runs and changes no number: rows of a matrix
//   product do not depend on each other.
// Source: counting sort
// Reference: src/reference/kernels/moe-sort.ts, moeSort
// Appends: common/call.wgsl

override WORKGROUP_SIZE: u32;
override NUM_EXPERTS: u32;
override EXPERTS_PER_TOKEN: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> expert_ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> expert_offsets: array<u32>;
@group(0) @binding(3) var<storage, read_write> sorted_slots: array<u32>;

var<workgroup> next: array<atomic<u32>, NUM_EXPERTS>;  // counts, then the next free place of each expert

@compute @workgroup_size(WORKGROUP_SIZE)
fn moe_sort(@builtin(local_invocation_index) local: u32) {
  let num_slots = call.num_tokens * EXPERTS_PER_TOKEN;
  for (var slot = local; slot < num_slots; slot += WORKGROUP_SIZE) {
    atomicAdd(&next[expert_ids[slot]], 1u);
  }
  workgroupBarrier();
  if (local == 0u) {
    var offset = 0u;
    for (var expert = 0u; expert < NUM_EXPERTS; expert++) {
      let count = atomicLoad(&next[expert]);
      expert_offsets[expert] = offset;
      atomicStore(&next[expert], offset);
      offset += count;
    }
    expert_offsets[NUM_EXPERTS] = offset;
  }
  workgroupBarrier();
  for (var slot = local; slot < num_slots; slot += WORKGROUP_SIZE) {
    sorted_slots[atomicAdd(&next[expert_ids[slot]], 1u)] = slot;
  }
}
