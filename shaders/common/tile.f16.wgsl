// The tile of a matrix product with operands in f16: as common/tile.wgsl, with half the traffic of workgroup memory, which
// bounds the f32 tile. Quantised weights are exact in f16 before their scale, and sums are f32: sums of f16, even of four
// products, moved the next token's distribution by more than 1e-3 nats.
const TILE_STRIDE: u32 = 9u;

var<workgroup> tile_inputs: array<vec4<f16>, TILE_TOKENS * TILE_STRIDE>;
var<workgroup> tile_weights: array<vec4<f16>, TILE_ROWS * TILE_STRIDE>;  // before the scale
var<workgroup> tile_scales: array<f32, TILE_ROWS>;

/// Sums of four tokens (vectors) by four rows (components): token `local / (TILE_ROWS/4) + t·TILE_TOKENS/4`,
/// row `local % (TILE_ROWS/4) + r·TILE_ROWS/4` of the tile whose weights start at `first_row`.
fn multiply_tile(local: u32, first_row: u32, end_row: u32) -> array<vec4<f32>, 4> {
  let num_threads = TILE_TOKENS * TILE_ROWS / 16u;
  let token = (local / (TILE_ROWS / 4u)) * TILE_STRIDE;
  let row = (local % (TILE_ROWS / 4u)) * TILE_STRIDE;
  let token_step = TILE_TOKENS / 4u * TILE_STRIDE;
  let row_step = TILE_ROWS / 4u * TILE_STRIDE;
  var sums_0 = vec4<f32>();
  var sums_1 = vec4<f32>();
  var sums_2 = vec4<f32>();
  var sums_3 = vec4<f32>();
  for (var group = 0u; group < WEIGHT_GROUPS; group++) {
    for (var i = local; i < TILE_TOKENS * 8u; i += num_threads) {
      tile_inputs[(i / 8u) * TILE_STRIDE + i % 8u] = vec4<f16>(tile_input(i / 8u, group * 8u + i % 8u));
    }
    for (var i = local; i < TILE_ROWS; i += num_threads) {
      // Rows past the end repeat the last one; their sums are not stored.
      let weight_row = min(first_row + i, end_row - 1u);
      tile_scales[i] = weight_scale(weight_row, group);
      let values = weight_quants(weight_row, group);
      let base = i * TILE_STRIDE;
      tile_weights[base] = vec4<f16>(values[0]);
      tile_weights[base + 1u] = vec4<f16>(values[1]);
      tile_weights[base + 2u] = vec4<f16>(values[2]);
      tile_weights[base + 3u] = vec4<f16>(values[3]);
      tile_weights[base + 4u] = vec4<f16>(values[4]);
      tile_weights[base + 5u] = vec4<f16>(values[5]);
      tile_weights[base + 6u] = vec4<f16>(values[6]);
      tile_weights[base + 7u] = vec4<f16>(values[7]);
    }
    workgroupBarrier();
    var group_0 = vec4<f32>();
    var group_1 = vec4<f32>();
    var group_2 = vec4<f32>();
    var group_3 = vec4<f32>();
    for (var k = 0u; k < 8u; k++) {
      let w_0 = vec4<f32>(tile_weights[row + k]);
      let w_1 = vec4<f32>(tile_weights[row + row_step + k]);
      let w_2 = vec4<f32>(tile_weights[row + 2u * row_step + k]);
      let w_3 = vec4<f32>(tile_weights[row + 3u * row_step + k]);
      let x_0 = vec4<f32>(tile_inputs[token + k]);
      let x_1 = vec4<f32>(tile_inputs[token + token_step + k]);
      let x_2 = vec4<f32>(tile_inputs[token + 2u * token_step + k]);
      let x_3 = vec4<f32>(tile_inputs[token + 3u * token_step + k]);
      group_0 += vec4<f32>(dot(x_0, w_0), dot(x_0, w_1), dot(x_0, w_2), dot(x_0, w_3));
      group_1 += vec4<f32>(dot(x_1, w_0), dot(x_1, w_1), dot(x_1, w_2), dot(x_1, w_3));
      group_2 += vec4<f32>(dot(x_2, w_0), dot(x_2, w_1), dot(x_2, w_2), dot(x_2, w_3));
      group_3 += vec4<f32>(dot(x_3, w_0), dot(x_3, w_1), dot(x_3, w_2), dot(x_3, w_3));
    }
    let local_row = local % (TILE_ROWS / 4u);
    let scales = vec4<f32>(
      tile_scales[local_row],
      tile_scales[local_row + TILE_ROWS / 4u],
      tile_scales[local_row + 2u * (TILE_ROWS / 4u)],
      tile_scales[local_row + 3u * (TILE_ROWS / 4u)],
    );
    sums_0 += scales * group_0;
    sums_1 += scales * group_1;
    sums_2 += scales * group_2;
    sums_3 += scales * group_3;
    workgroupBarrier();
  }
  return array<vec4<f32>, 4>(sums_0, sums_1, sums_2, sums_3);
}
