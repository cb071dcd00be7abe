// Sums of a slice's columns over rows of `lane_sums`, of which row `row` of column `column` stands at
// `column · (num_rows + 1) + row`; once in a kernel. The kernel declares `override WORKGROUP_SIZE, SLICE_COLUMNS: u32`
// (SLICE_COLUMNS at most WORKGROUP_SIZE) and defines `keep_column(column, sum)`, which one thread calls for each.
const COLUMN_PARTS: u32 = 4u;  // threads that share the sum of a column

var<workgroup> column_parts: array<f32, COLUMN_PARTS * SLICE_COLUMNS>;

/// Before the sums.
fn prepare_columns() {}

/// Keeps all columns' sums; after a barrier.
fn sum_columns(num_rows: u32, local: u32) {
  for (var i = local; i < COLUMN_PARTS * SLICE_COLUMNS; i += WORKGROUP_SIZE) {
    var part = 0.0;
    for (var row = i % COLUMN_PARTS; row < num_rows; row += COLUMN_PARTS) {
      part += lane_sums[(i / COLUMN_PARTS) * (num_rows + 1u) + row];
    }
    column_parts[i] = part;
  }
  workgroupBarrier();
  if (local < SLICE_COLUMNS) {
    var sum = 0.0;
    for (var i = 0u; i < COLUMN_PARTS; i++) {
      sum += column_parts[local * COLUMN_PARTS + i];
    }
    keep_column(local, sum);
  }
}
