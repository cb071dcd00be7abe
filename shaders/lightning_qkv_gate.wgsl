// lightning_qkv_gate: q, k, v and the output gate of a lightning layer, for a block of tokens.
//   qkv = silu(x · qkv_projᵀ);  gate = x · output_gateᵀ, before its sigmoid
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 normed: array<vec4<f32>>, read — x, (num_tokens, num_columns)
//   2 weights: array<vec4<u32>>, read — encoded, qkv_proj then output_gate, (4 · attention_size, num_columns)
//   3 qkv: array<f32>, read_write — (num_tokens, 3 · attention_size), written
//   4 gate: array<f32>, read_write — (num_tokens, attention_size), written
// Dispatch: (4 · attention_size / TILE_ROWS, num_tokens / TILE_TOKENS, 1) workgroups, rounded up; each owns one tile of
//   both outputs side by side.
// Source: arXiv:2501.08313 §2.2; tiling as in any blocked matrix product
// Reference: src/reference/kernels/lightning-qkv-gate.ts, lightningQkvGate
// Appends: common/call.wgsl, common/tile.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override TILE_TOKENS: u32;
override TILE_ROWS: u32;
override WORKGROUP_SIZE: u32;
override ATTENTION_SIZE: u32;
override NUM_COLUMNS: u32;
override WEIGHT_GROUPS: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> normed: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(4) var<storage, read_write> gate: array<f32>;

var<private> first_token: u32;

fn tile_input(tile_token: u32, column4: u32) -> vec4<f32> {
  let token = first_token + tile_token;
  if (token >= call.num_tokens || column4 >= NUM_COLUMNS / 4u) {
    return vec4<f32>();
  }
  return normed[token * (NUM_COLUMNS / 4u) + column4];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_qkv_gate(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let qkv_rows = 3u * ATTENTION_SIZE;
  let num_rows = 4u * ATTENTION_SIZE;
  first_token = workgroup.y * TILE_TOKENS;
  let first_row = workgroup.x * TILE_ROWS;
  let sums = multiply_tile(local, first_row, num_rows);
  for (var t = 0u; t < 4u; t++) {
    let token = first_token + local / (TILE_ROWS / 4u) + t * (TILE_TOKENS / 4u);
    for (var r = 0u; r < 4u; r++) {
      let row = first_row + local % (TILE_ROWS / 4u) + r * (TILE_ROWS / 4u);
      let sum = sums[t][r];
      if (token < call.num_tokens && row < qkv_rows) {
        qkv[token * qkv_rows + row] = sum / (1.0 + exp(-sum));
      } else if (token < call.num_tokens && row < num_rows) {
        gate[token * ATTENTION_SIZE + row - qkv_rows] = sum;
      }
    }
  }
}
