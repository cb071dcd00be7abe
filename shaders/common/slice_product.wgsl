// A few columns' part of a matrix product with one vector, for a single token; once in a kernel. The kernel declares
// `override SLICE_COLUMNS, OUT_WEIGHT_GROUPS: u32` (SLICE_COLUMNS a multiple of 4), fills `slice` before a barrier, and appends
// the weight format for `out_weights`. Groups that the slice does not fill count as zero outside of it.
var<workgroup> slice: array<f32, SLICE_COLUMNS>;

/// A group of out_weights' row times the slice, which begins at `first_column`.
fn slice_group_dot(w: array<vec4<f32>, 8>, group: u32, first_column: u32) -> f32 {
  let end_column = first_column + SLICE_COLUMNS;
  var sum = 0.0;
  for (var i = 0u; i < 8u; i++) {
    let column = group * 32u + 4u * i;
    if (column >= first_column && column < end_column) {
      let at = column - first_column;
      sum += dot(w[i], vec4<f32>(slice[at], slice[at + 1u], slice[at + 2u], slice[at + 3u]));
    }
  }
  return sum;
}

/// Sum over the slice's columns, which begin at `first_column` (a multiple of 4), of slice · out_weights[row].
fn slice_sum(row: u32, first_column: u32) -> f32 {
  let end_column = first_column + SLICE_COLUMNS;
  var sum = 0.0;
  for (var group = first_column / 32u; group * 32u < end_column && group < OUT_WEIGHT_GROUPS; group++) {
    sum += out_weight_scale(row, group) * slice_group_dot(out_weight_quants(row, group), group, first_column);
  }
  return sum;
}
