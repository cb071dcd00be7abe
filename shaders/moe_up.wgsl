// moe_up: each slot's token times the w1 and w3 rows of its expert.
//   up[place] = x[slot / experts_per_token] · gate_up_proj[expert]ᵀ for slot = sorted_slots[place]
// Bindings:
//   0 normed: array<vec4<f32>>, read — x, (num_tokens, hidden_size)
//   1 expert_offsets: array<u32>, read — (num_experts + 1)
//   2 sorted_slots: array<u32>, read — (num_tokens · experts_per_token)
//   3 weights: array<vec4<u32>>, read — gate_up_proj, encoded, (num_experts · NUM_ROWS, hidden_size)
//   4 up: array<f32>, read_write — by place, (num_tokens · experts_per_token, NUM_ROWS), written
// Dispatch: (NUM_ROWS / TILE_ROWS, slots / TILE_TOKENS + num_experts, 1) workgroups, rounded up; each owns one tile of one
//   expert, surplus ones leave.
// Source: arXiv:2501.08313 §2.1
// Reference: src/reference/kernels/moe-up.ts, moeUp
// Appends: common/tile.wgsl, common/expert_tile.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override TILE_TOKENS: u32;
override TILE_ROWS: u32;
override WORKGROUP_SIZE: u32;
override NUM_ROWS: u32;
override NUM_EXPERTS: u32;
override EXPERTS_PER_TOKEN: u32;
override WEIGHT_GROUPS: u32;

@group(0) @binding(0) var<storage, read> normed: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> expert_offsets: array<u32>;
@group(0) @binding(2) var<storage, read> sorted_slots: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> up: array<f32>;

var<private> tile: ExpertTile;

fn tile_input(tile_token: u32, column4: u32) -> vec4<f32> {
  let place = tile.first + tile_token;
  if (place >= tile.end) {
    return vec4<f32>();
  }
  return normed[sorted_slots[place] / EXPERTS_PER_TOKEN * (WEIGHT_GROUPS * 8u) + column4];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn moe_up(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let found = find_expert_tile(workgroup.y);
  if (found.first >= found.end) {
    return;
  }
  tile = found;
  let first_row = found.expert * NUM_ROWS + workgroup.x * TILE_ROWS;
  let end_row = (found.expert + 1u) * NUM_ROWS;
  let sums = multiply_tile(local, first_row, end_row);
  for (var t = 0u; t < 4u; t++) {
    let place = found.first + local / (TILE_ROWS / 4u) + t * (TILE_TOKENS / 4u);
    for (var r = 0u; r < 4u; r++) {
      let row = workgroup.x * TILE_ROWS + local % (TILE_ROWS / 4u) + r * (TILE_ROWS / 4u);
      if (place < found.end && row < NUM_ROWS) {
        up[place * NUM_ROWS + row] = sums[t][r];
      }
    }
  }
}
