// linear: matrix product of a block of tokens with encoded weights.
//   output[token, row] = sum over column of input[token, column] · weights[row, column]
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 input: array<vec4<f32>>, read — (num_tokens, num_columns)
//   2 weights: array<vec4<u32>>, read — encoded, (num_rows, num_columns)
//   3 output: array<f32>, read_write — (num_tokens, num_rows), written
// Dispatch: (num_rows / TILE_ROWS, num_tokens / TILE_TOKENS, 1) workgroups, rounded up; each owns one tile of the output.
// Source: arXiv:2501.08313 §2; tiling as in any blocked matrix product
// Reference: src/reference/vector.ts, linear
// Appends: common/call.wgsl, common/tile.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override TILE_TOKENS: u32;
override TILE_ROWS: u32;
override WORKGROUP_SIZE: u32;
override NUM_ROWS: u32;
override NUM_COLUMNS: u32;
override WEIGHT_GROUPS: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

var<private> first_token: u32;

fn tile_input(tile_token: u32, column4: u32) -> vec4<f32> {
  let token = first_token + tile_token;
  if (token >= call.num_tokens || column4 >= NUM_COLUMNS / 4u) {
    return vec4<f32>();
  }
  return input[token * (NUM_COLUMNS / 4u) + column4];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn linear(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  first_token = workgroup.y * TILE_TOKENS;
  let first_row = workgroup.x * TILE_ROWS;
  let sums = multiply_tile(local, first_row, NUM_ROWS);
  for (var t = 0u; t < 4u; t++) {
    let token = first_token + local / (TILE_ROWS / 4u) + t * (TILE_TOKENS / 4u);
    for (var r = 0u; r < 4u; r++) {
      let row = first_row + local % (TILE_ROWS / 4u) + r * (TILE_ROWS / 4u);
      if (token < call.num_tokens && row < NUM_ROWS) {
        output[token * NUM_ROWS + row] = sums[t][r];
      }
    }
  }
}
