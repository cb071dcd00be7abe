// The tile of a matrix product by subgroup matrices: operands in f16, weights after their scale, sums in f32. As
// common/tile.wgsl, of 32 tokens by 64 rows; a subgroup of SUBGROUP_THREADS threads takes 16 rows and all tokens.
const TILE_GROUPS: u32 = 2u;  // groups of 32 between two barriers
const TILE_STRIDE: u32 = 8u * TILE_GROUPS + 2u;  // of a row, in vec4: two more keep rows in different banks
const MATRIX_SIZE: u32 = 16u;
const SUBGROUP_THREADS: u32 = 32u;

var<workgroup> tile_inputs: array<vec4<f16>, TILE_TOKENS * TILE_STRIDE>;
var<workgroup> tile_weights: array<vec4<f16>, TILE_ROWS * TILE_STRIDE>;
var<workgroup> tile_sums: array<f32, TILE_TOKENS * TILE_ROWS>;

/// Sums of four tokens (vectors) by four rows (components): token `local / (TILE_ROWS/4) + t·TILE_TOKENS/4`,
/// row `local % (TILE_ROWS/4) + r·TILE_ROWS/4` of the tile whose weights start at `first_row`.
@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn multiply_tile(local: u32, first_row: u32, end_row: u32) -> array<vec4<f32>, 4> {
  let num_threads = TILE_TOKENS * TILE_ROWS / 16u;
  let first_tile_row = local / SUBGROUP_THREADS * MATRIX_SIZE;
  var sums_low: subgroup_matrix_result<f32, 16, 16>;
  var sums_high: subgroup_matrix_result<f32, 16, 16>;
  for (var first_group = 0u; first_group < WEIGHT_GROUPS; first_group += TILE_GROUPS) {
    for (var i = local; i < TILE_TOKENS * 8u * TILE_GROUPS; i += num_threads) {
      let column4 = i % (8u * TILE_GROUPS);
      let token = i / (8u * TILE_GROUPS);
      var values = vec4<f32>();
      if (first_group + column4 / 8u < WEIGHT_GROUPS) {
        values = tile_input(token, first_group * 8u + column4);
      }
      tile_inputs[token * TILE_STRIDE + column4] = vec4<f16>(values);
    }
    for (var i = local; i < TILE_ROWS * TILE_GROUPS; i += num_threads) {
      // Rows past the end repeat the last one; their sums are not stored.
      let weight_row = min(first_row + i / TILE_GROUPS, end_row - 1u);
      let group = first_group + i % TILE_GROUPS;
      let last = min(group, WEIGHT_GROUPS - 1u);
      let scale = select(0.0, weight_scale(weight_row, last), group < WEIGHT_GROUPS);
      let values = weight_quants(weight_row, last);
      let base = (i / TILE_GROUPS) * TILE_STRIDE + 8u * (i % TILE_GROUPS);
      tile_weights[base] = vec4<f16>(scale * values[0]);
      tile_weights[base + 1u] = vec4<f16>(scale * values[1]);
      tile_weights[base + 2u] = vec4<f16>(scale * values[2]);
      tile_weights[base + 3u] = vec4<f16>(scale * values[3]);
      tile_weights[base + 4u] = vec4<f16>(scale * values[4]);
      tile_weights[base + 5u] = vec4<f16>(scale * values[5]);
      tile_weights[base + 6u] = vec4<f16>(scale * values[6]);
      tile_weights[base + 7u] = vec4<f16>(scale * values[7]);
    }
    workgroupBarrier();
    // Offsets and strides count the array's elements, four values each.
    for (var column4 = 0u; column4 < 8u * TILE_GROUPS; column4 += MATRIX_SIZE / 4u) {
      let weight = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(
        &tile_weights, first_tile_row * TILE_STRIDE + column4, TILE_STRIDE);
      let low = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&tile_inputs, column4, TILE_STRIDE);
      let high = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(
        &tile_inputs, MATRIX_SIZE * TILE_STRIDE + column4, TILE_STRIDE);
      sums_low = subgroupMatrixMultiplyAccumulate(low, weight, sums_low);
      sums_high = subgroupMatrixMultiplyAccumulate(high, weight, sums_high);
    }
    workgroupBarrier();
  }
  subgroupMatrixStore<row_major>(&tile_sums, first_tile_row, sums_low, TILE_ROWS);
  subgroupMatrixStore<row_major>(&tile_sums, MATRIX_SIZE * TILE_ROWS + first_tile_row, sums_high, TILE_ROWS);
  workgroupBarrier();
  var sums: array<vec4<f32>, 4>;
  for (var t = 0u; t < 4u; t++) {
    let at = (local / (TILE_ROWS / 4u) + t * (TILE_TOKENS / 4u)) * TILE_ROWS + local % (TILE_ROWS / 4u);
    sums[t] = vec4<f32>(
      tile_sums[at], tile_sums[at + TILE_ROWS / 4u], tile_sums[at + TILE_ROWS / 2u], tile_sums[at + 3u * (TILE_ROWS / 4u)],
    );
  }
  return sums;
}
