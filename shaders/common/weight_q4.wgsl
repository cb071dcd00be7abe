// Reads encoded q4 rows of `weights: array<vec4<u32>>`; docs/format.md. The kernel declares `override WEIGHT_GROUPS: u32`.

fn weight_nibbles(word: u32, scale: f32) -> vec4<f32> {
  let nibbles = (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(15u);
  return scale * (vec4<f32>(nibbles) - 8.0);
}

/// The 32 values of one group of one row.
fn weight_group(row: u32, group: u32) -> array<vec4<f32>, 8> {
  let base = row * (WEIGHT_GROUPS + (WEIGHT_GROUPS + 7u) / 8u);
  let scales = weights[base + WEIGHT_GROUPS + group / 8u][(group / 2u) % 4u];
  let scale = half_value((scales >> (16u * (group % 2u))) & 0xffffu);
  let words = weights[base + group];
  return array<vec4<f32>, 8>(
    weight_nibbles(words.x, scale), weight_nibbles(words.x >> 4u, scale),
    weight_nibbles(words.y, scale), weight_nibbles(words.y >> 4u, scale),
    weight_nibbles(words.z, scale), weight_nibbles(words.z >> 4u, scale),
    weight_nibbles(words.w, scale), weight_nibbles(words.w >> 4u, scale),
  );
}
