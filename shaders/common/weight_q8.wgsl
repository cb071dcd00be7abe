// Reads encoded q8 rows of `weights: array<vec4<u32>>`; docs/format.md. The kernel declares `override WEIGHT_GROUPS: u32`.

fn weight_bytes(word: u32, scale: f32) -> vec4<f32> {
  return scale * vec4<f32>(vec4<i32>(vec4<u32>(word << 24u, word << 16u, word << 8u, word)) >> vec4<u32>(24u));
}

/// The 32 values of one group of one row.
fn weight_group(row: u32, group: u32) -> array<vec4<f32>, 8> {
  let base = row * (2u * WEIGHT_GROUPS + (WEIGHT_GROUPS + 7u) / 8u);
  let scales = weights[base + 2u * WEIGHT_GROUPS + group / 8u][(group / 2u) % 4u];
  let scale = half_value((scales >> (16u * (group % 2u))) & 0xffffu);
  let low = weights[base + 2u * group];
  let high = weights[base + 2u * group + 1u];
  return array<vec4<f32>, 8>(
    weight_bytes(low.x, scale), weight_bytes(low.y, scale), weight_bytes(low.z, scale), weight_bytes(low.w, scale),
    weight_bytes(high.x, scale), weight_bytes(high.y, scale), weight_bytes(high.z, scale), weight_bytes(high.w, scale),
  );
}
