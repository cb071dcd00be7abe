// A few columns' part of a matrix product with one vector, for a single token; once in a kernel. The kernel declares
// `override SLICE_COLUMNS, OUT_WEIGHT_GROUPS: u32` (SLICE_COLUMNS a multiple of 4), fills `slice` before a barrier, and appends
// the weight format for `out_weights`. Groups that the slice does not fill count as zero outside of it.
// Between `fetch_slice` and `slice_sum` weights are on their way.
var<workgroup> slice: array<f32, SLICE_COLUMNS>;

var<private> slice_row: u32;  // whose first group was read
var<private> slice_words: OutWeightGroup;
var<private> slice_scale_word: u32;

/// Begins to read the first group of a row's slice, which begins at `first_column` (a multiple of 4).
fn fetch_slice(row: u32, first_column: u32) {
  slice_row = row;
  slice_words = out_weight_group(row, first_column / 32u);
  slice_scale_word = out_weight_scale_word(row, first_column / 32u);
}

/// Four columns of the slice, zero past its end.
fn slice_quad(quad: u32) -> vec4<f32> {
  let at = 4u * min(quad, SLICE_COLUMNS / 4u - 1u);
  return select(vec4<f32>(), vec4<f32>(slice[at], slice[at + 1u], slice[at + 2u], slice[at + 3u]), quad < SLICE_COLUMNS / 4u);
}

/// A group of out_weights' row times the slice, which begins at `first_column`.
fn slice_group_dot(w: array<vec4<f32>, 8>, group: u32, first_column: u32) -> f32 {
  // Most often the slice is the group: reads from places known beforehand wait for nothing.
  if (SLICE_COLUMNS == 32u && first_column % 32u == 0u) {
    return dot(w[0], slice_quad(0u)) + dot(w[1], slice_quad(1u)) + dot(w[2], slice_quad(2u)) + dot(w[3], slice_quad(3u))
      + dot(w[4], slice_quad(4u)) + dot(w[5], slice_quad(5u)) + dot(w[6], slice_quad(6u)) + dot(w[7], slice_quad(7u));
  }
  // Wraps around for a group that begins before the slice: its quads are past the end then.
  let quad = 8u * group - first_column / 4u;
  return dot(w[0], slice_quad(quad)) + dot(w[1], slice_quad(quad + 1u))
    + dot(w[2], slice_quad(quad + 2u)) + dot(w[3], slice_quad(quad + 3u))
    + dot(w[4], slice_quad(quad + 4u)) + dot(w[5], slice_quad(quad + 5u))
    + dot(w[6], slice_quad(quad + 6u)) + dot(w[7], slice_quad(quad + 7u));
}

/// Sum over the slice's columns of slice · out_weights[row].
fn slice_sum(row: u32, first_column: u32) -> f32 {
  let first = first_column / 32u;
  if (row != slice_row) {
    slice_words = out_weight_group(row, first);
    slice_scale_word = out_weight_scale_word(row, first);
  }
  var sum = out_weight_scale_of(slice_scale_word, first) * slice_group_dot(out_weight_values(slice_words), first, first_column);
  for (var group = first + 1u; group * 32u < first_column + SLICE_COLUMNS && group < OUT_WEIGHT_GROUPS; group++) {
    sum += out_weight_scale(row, group) * slice_group_dot(out_weight_quants(row, group), group, first_column);
  }
  return sum;
}
