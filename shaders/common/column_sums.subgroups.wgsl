// Sums of a slice's columns over rows of `lane_sums`, of which row `row` of column `column` stands at
// `column · (num_rows + 1) + row`; once in a kernel. The kernel declares `override SLICE_COLUMNS, MIN_SUBGROUPS: u32`
// (SLICE_COLUMNS a multiple of 4) and defines `keep_column(column, sum)`, which one thread calls for each.
// Four columns' sums are a subgroup's.

/// Before the sums, best while reads are on their way.
fn prepare_columns() {
  draw_subgroup();
}

/// A row of four columns, zero past the last one.
fn column_row(quad: u32, row: u32, num_rows: u32) -> vec4<f32> {
  let at = 4u * min(quad, SLICE_COLUMNS / 4u - 1u) * (num_rows + 1u) + min(row, num_rows - 1u);
  let values = vec4<f32>(
    lane_sums[at], lane_sums[at + num_rows + 1u], lane_sums[at + 2u * num_rows + 2u], lane_sums[at + 3u * num_rows + 3u],
  );
  return select(vec4<f32>(), values, row < num_rows);
}

/// Keeps all columns' sums; after a barrier. A subgroup takes every MIN_SUBGROUPS-th quad; there may be more subgroups.
fn sum_columns(num_rows: u32, local: u32) {
  for (var first = 0u; first < SLICE_COLUMNS / 4u; first += MIN_SUBGROUPS) {
    let quad = first + subgroup_number;
    var part = vec4<f32>();
    // Two at once, so that they arrive together.
    for (var row = lane; row < num_rows; row += 2u * num_lanes) {
      part += column_row(quad, row, num_rows) + column_row(quad, row + num_lanes, num_rows);
    }
    let sum = subgroupAdd(part);
    if (subgroup_number < MIN_SUBGROUPS && quad < SLICE_COLUMNS / 4u) {
      for (var i = lane; i < 4u; i += num_lanes) {
        keep_column(4u * quad + i, sum[i]);
      }
    }
  }
}
