// Reads encoded q8 rows of `weights: array<vec4<u32>>`; docs/format.md. The kernel declares `override WEIGHT_GROUPS: u32`.

/// Four signed bytes. A byte + 128 in the low bits of the float 2²³ adds its value to it: much cheaper than a conversion from
/// integer.
fn weight_bytes(word: u32) -> vec4<f32> {
  let bits = ((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)) ^ vec4<u32>(0x4b000080u);
  return bitcast<vec4<f32>>(bits) - vec4<f32>(8388736.0);
}

fn weight_row_base(row: u32) -> u32 {
  return row * (2u * WEIGHT_GROUPS + (WEIGHT_GROUPS + 7u) / 8u);
}

/// The scale of one group of one row.
fn weight_scale(row: u32, group: u32) -> f32 {
  let scales = weights[weight_row_base(row) + 2u * WEIGHT_GROUPS + group / 8u][(group / 2u) % 4u];
  return half_value((scales >> (16u * (group % 2u))) & 0xffffu);
}

/// The 32 values of one group of one row, before the scale.
fn weight_quants(row: u32, group: u32) -> array<vec4<f32>, 8> {
  let low = weights[weight_row_base(row) + 2u * group];
  let high = weights[weight_row_base(row) + 2u * group + 1u];
  return array<vec4<f32>, 8>(
    weight_bytes(low.x), weight_bytes(low.y), weight_bytes(low.z), weight_bytes(low.w),
    weight_bytes(high.x), weight_bytes(high.y), weight_bytes(high.z), weight_bytes(high.w),
  );
}
