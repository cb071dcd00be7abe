// moe_down: the gated activation of each slot times the w2 rows of its expert.
//   down[slot] = (silu(up[place, :I]) ⊙ up[place, I:]) · down_proj[expert]ᵀ, I = intermediate_size, slot = sorted_slots[place]
// Bindings:
//   0 up: array<vec4<f32>>, read — by place, (num_tokens · experts_per_token, 2 · intermediate_size)
//   1 expert_offsets: array<u32>, read — (num_experts + 1)
//   2 sorted_slots: array<u32>, read — (num_tokens · experts_per_token)
//   3 weights: array<vec4<u32>>, read — down_proj, encoded, (num_experts · NUM_ROWS, intermediate_size)
//   4 down: array<f32>, read_write — by slot, (num_tokens, experts_per_token, NUM_ROWS), written
// Dispatch: (NUM_ROWS / TILE_ROWS, slots / TILE_TOKENS + num_experts, 1) workgroups, rounded up; each owns one tile of one
//   expert, surplus ones leave.
// Source: arXiv:2501.08313 §2.1
// Reference: src/reference/kernels/moe-down.ts, moeDown
// Appends: common/tile.wgsl, common/expert_tile.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override TILE_TOKENS: u32;
override TILE_ROWS: u32;
override WORKGROUP_SIZE: u32;
override NUM_ROWS: u32;
override NUM_EXPERTS: u32;
override INTERMEDIATE_SIZE: u32;
override WEIGHT_GROUPS: u32;

@group(0) @binding(0) var<storage, read> up: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> expert_offsets: array<u32>;
@group(0) @binding(2) var<storage, read> sorted_slots: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> down: array<f32>;

var<private> tile: ExpertTile;

fn tile_input(tile_token: u32, column4: u32) -> vec4<f32> {
  let place = tile.first + tile_token;
  let row4 = INTERMEDIATE_SIZE / 4u;
  if (place >= tile.end || column4 >= row4) {
    return vec4<f32>();
  }
  let gate = up[place * 2u * row4 + column4];
  return gate / (1.0 + exp(-gate)) * up[place * 2u * row4 + row4 + column4];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn moe_down(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
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
        down[sorted_slots[place] * NUM_ROWS + row] = sums[t][r];
      }
    }
  }
}
