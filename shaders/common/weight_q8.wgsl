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

/// A group of a row as it lies in memory, and the word that holds its scale.
alias WeightGroup = array<vec4<u32>, 2>;

fn weight_group(row: u32, group: u32) -> WeightGroup {
  let base = weight_row_base(row) + 2u * group;
  return WeightGroup(weights[base], weights[base + 1u]);
}

fn weight_scale_word(row: u32, group: u32) -> u32 {
  return weights[weight_row_base(row) + 2u * WEIGHT_GROUPS + group / 8u][(group / 2u) % 4u];
}

fn weight_scale_of(word: u32, group: u32) -> f32 {
  return half_value((word >> (16u * (group % 2u))) & 0xffffu);
}

/// The 32 values of a group, before the scale.
fn weight_values(words: WeightGroup) -> array<vec4<f32>, 8> {
  return array<vec4<f32>, 8>(
    weight_bytes(words[0].x), weight_bytes(words[0].y), weight_bytes(words[0].z), weight_bytes(words[0].w),
    weight_bytes(words[1].x), weight_bytes(words[1].y), weight_bytes(words[1].z), weight_bytes(words[1].w),
  );
}

fn weight_scale(row: u32, group: u32) -> f32 {
  return weight_scale_of(weight_scale_word(row, group), group);
}

/// The 32 values of one group of one row, before the scale.
fn weight_quants(row: u32, group: u32) -> array<vec4<f32>, 8> {
  return weight_values(weight_group(row, group));
}
