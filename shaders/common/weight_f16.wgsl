// Reads encoded f16 rows of `weights: array<vec4<u32>>`; docs/format.md. The kernel declares `override WEIGHT_GROUPS: u32`.

fn weight_halves(bits: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(half_pair(bits.x), half_pair(bits.y));
}

/// A group of a row as it lies in memory.
alias WeightGroup = array<vec4<u32>, 4>;

fn weight_group(row: u32, group: u32) -> WeightGroup {
  let base = (row * WEIGHT_GROUPS + group) * 4u;
  return WeightGroup(weights[base], weights[base + 1u], weights[base + 2u], weights[base + 3u]);
}

/// The format has no scales.
fn weight_scale_word(row: u32, group: u32) -> u32 {
  return 0u;
}

fn weight_scale_of(word: u32, group: u32) -> f32 {
  return 1.0;
}

/// The 32 values of a group.
fn weight_values(words: WeightGroup) -> array<vec4<f32>, 8> {
  return array<vec4<f32>, 8>(
    weight_halves(words[0].xy), weight_halves(words[0].zw), weight_halves(words[1].xy), weight_halves(words[1].zw),
    weight_halves(words[2].xy), weight_halves(words[2].zw), weight_halves(words[3].xy), weight_halves(words[3].zw),
  );
}

fn weight_scale(row: u32, group: u32) -> f32 {
  return 1.0;
}

/// The 32 values of one group of one row, before the scale.
fn weight_quants(row: u32, group: u32) -> array<vec4<f32>, 8> {
  return weight_values(weight_group(row, group));
}
