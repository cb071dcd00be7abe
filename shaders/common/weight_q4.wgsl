// Reads encoded q4 rows of `weights: array<vec4<u32>>`; docs/format.md. The kernel declares `override WEIGHT_GROUPS: u32`.

// A nibble is masked where it lies in its word, below bit 20, and in the low bits of the float 2²³ adds its value over a unit
// to it. Times the unit and less the offset it is a number from -8 to 7: both steps are exact, and much cheaper than a
// shift and a conversion from integer.
const WEIGHT_EVEN_UNITS = vec4<f32>(1.0, 1.0 / 256.0, 1.0 / 65536.0, 1.0 / 4096.0);
const WEIGHT_ODD_UNITS = vec4<f32>(1.0 / 16.0, 1.0 / 4096.0, 1.0 / 256.0, 1.0 / 65536.0);
const WEIGHT_EVEN_OFFSETS = 8388608.0 * WEIGHT_EVEN_UNITS + 8.0;
const WEIGHT_ODD_OFFSETS = 8388608.0 * WEIGHT_ODD_UNITS + 8.0;

/// Nibbles 0, 2, 4, 6 of a word.
fn weight_even_nibbles(word: u32) -> vec4<f32> {
  let masked = vec4<u32>(word, word, word, word >> 12u) & vec4<u32>(0xfu, 0xf00u, 0xf0000u, 0xf000u);
  return bitcast<vec4<f32>>(masked | vec4<u32>(0x4b000000u)) * WEIGHT_EVEN_UNITS - WEIGHT_EVEN_OFFSETS;
}

/// Nibbles 1, 3, 5, 7 of a word.
fn weight_odd_nibbles(word: u32) -> vec4<f32> {
  let masked = vec4<u32>(word, word, word >> 12u, word >> 12u) & vec4<u32>(0xf0u, 0xf000u, 0xf00u, 0xf0000u);
  return bitcast<vec4<f32>>(masked | vec4<u32>(0x4b000000u)) * WEIGHT_ODD_UNITS - WEIGHT_ODD_OFFSETS;
}

fn weight_row_base(row: u32) -> u32 {
  return row * (WEIGHT_GROUPS + (WEIGHT_GROUPS + 7u) / 8u);
}

/// A group of a row as it lies in memory, and the word that holds its scale.
alias WeightGroup = vec4<u32>;

fn weight_group(row: u32, group: u32) -> WeightGroup {
  return weights[weight_row_base(row) + group];
}

fn weight_scale_word(row: u32, group: u32) -> u32 {
  return weights[weight_row_base(row) + WEIGHT_GROUPS + group / 8u][(group / 2u) % 4u];
}

fn weight_scale_of(word: u32, group: u32) -> f32 {
  return half_value((word >> (16u * (group % 2u))) & 0xffffu);
}

/// The 32 values of a group, before the scale.
fn weight_values(words: WeightGroup) -> array<vec4<f32>, 8> {
  return array<vec4<f32>, 8>(
    weight_even_nibbles(words.x), weight_odd_nibbles(words.x), weight_even_nibbles(words.y), weight_odd_nibbles(words.y),
    weight_even_nibbles(words.z), weight_odd_nibbles(words.z), weight_even_nibbles(words.w), weight_odd_nibbles(words.w),
  );
}

fn weight_scale(row: u32, group: u32) -> f32 {
  return weight_scale_of(weight_scale_word(row, group), group);
}

/// The 32 values of one group of one row, before the scale.
fn weight_quants(row: u32, group: u32) -> array<vec4<f32>, 8> {
  return weight_values(weight_group(row, group));
}
