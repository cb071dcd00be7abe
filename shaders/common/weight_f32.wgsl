// Reads encoded f32 rows of `weights: array<vec4<u32>>`; docs/format.md. The kernel declares `override WEIGHT_GROUPS: u32`.

/// A group of a row as it lies in memory.
alias WeightGroup = array<vec4<u32>, 8>;

fn weight_group(row: u32, group: u32) -> WeightGroup {
  let base = (row * WEIGHT_GROUPS + group) * 8u;
  return WeightGroup(
    weights[base], weights[base + 1u], weights[base + 2u], weights[base + 3u],
    weights[base + 4u], weights[base + 5u], weights[base + 6u], weights[base + 7u],
  );
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
    bitcast<vec4<f32>>(words[0]), bitcast<vec4<f32>>(words[1]), bitcast<vec4<f32>>(words[2]),
    bitcast<vec4<f32>>(words[3]), bitcast<vec4<f32>>(words[4]), bitcast<vec4<f32>>(words[5]),
    bitcast<vec4<f32>>(words[6]), bitcast<vec4<f32>>(words[7]),
  );
}

fn weight_scale(row: u32, group: u32) -> f32 {
  return 1.0;
}

/// The 32 values of one group of one row, before the scale.
fn weight_quants(row: u32, group: u32) -> array<vec4<f32>, 8> {
  return weight_values(weight_group(row, group));
}
