// ROWS products of encoded rows with one vector, for a single token; once in a kernel. The kernel declares
// `override WORKGROUP_SIZE, LANES, ROWS, INPUT_GROUPS: u32` (threads that no row of LANES has room for are idle), defines
// `product_row(index) -> u32`, the row of product `index`, and fills `staged` before a barrier: the
// vector, value 4 · column4 of it at `staged[(column4 / 8) · GROUP_STRIDE + column4 % 8]`, zero where rows are padded.
// Between `fetch_rows` and `multiply_rows` weights are on their way: what a kernel waits for meanwhile costs nothing.
// A group of 32 values takes 9 vec4: the ninth keeps lanes in different banks.
const GROUP_STRIDE: u32 = 9u;

override LANE_SUMS: u32;  // at least ROWS · (LANES | 1) and 4 · WORKGROUP_SIZE: other steps use the memory too

override FETCHED: u32;    // items of a thread that are read ahead, at most 6

/// A group of a row in a thread's registers.
struct FetchedGroup {
  words: WeightGroup,
  scale_word: u32,
}

var<workgroup> staged: array<vec4<f32>, INPUT_GROUPS * GROUP_STRIDE>;
var<workgroup> lane_sums: array<f32, LANE_SUMS>;
// Written and read with constant indices alone, or it would not stay in registers.
var<private> fetched: array<FetchedGroup, 6>;
var<private> group_values: array<vec4<f32>, 8>;  // of the vector
var<private> fetched_sum: f32;  // of the products of a thread that has one row

/// Rows that are multiplied at once; LANES threads share a row.
fn rows_at_once() -> u32 {
  return WORKGROUP_SIZE / LANES;
}

/// Rows of a thread.
fn thread_rows() -> u32 {
  return (ROWS + rows_at_once() - 1u) / rows_at_once();
}

/// Groups of a row of a thread. A thread's item number n is group n / thread_rows() of its row n % thread_rows().
fn thread_groups() -> u32 {
  return (INPUT_GROUPS + LANES - 1u) / LANES;
}

/// ROWS or more where there is none.
fn item_row(local: u32, item: u32) -> u32 {
  let row = local / LANES + (item % thread_rows()) * rows_at_once();
  return select(ROWS, row, local < rows_at_once() * LANES);
}

fn item_group(local: u32, item: u32) -> u32 {
  return local % LANES + (item / thread_rows()) * LANES;
}

fn fetch_item(local: u32, item: u32) -> FetchedGroup {
  // Items past the end repeat the last one and are not multiplied.
  let row = product_row(min(item_row(local, item), ROWS - 1u));
  let group = min(item_group(local, item), INPUT_GROUPS - 1u);
  return FetchedGroup(weight_group(row, group), weight_scale_word(row, group));
}

/// Begins to read the weights, as many as registers hold.
fn fetch_rows(local: u32) {
  if (FETCHED > 0u) {
    fetched[0] = fetch_item(local, 0u);
  }
  if (FETCHED > 1u) {
    fetched[1] = fetch_item(local, 1u);
  }
  if (FETCHED > 2u) {
    fetched[2] = fetch_item(local, 2u);
  }
  if (FETCHED > 3u) {
    fetched[3] = fetch_item(local, 3u);
  }
  if (FETCHED > 4u) {
    fetched[4] = fetch_item(local, 4u);
  }
  if (FETCHED > 5u) {
    fetched[5] = fetch_item(local, 5u);
  }
}

/// Where a thread's part of a row's product is kept: rows are an odd number of banks apart.
fn lane_sum_at(local: u32, row: u32) -> u32 {
  return row * (LANES | 1u) + local % LANES;
}

fn staged_group(group: u32) -> array<vec4<f32>, 8> {
  let base = group * GROUP_STRIDE;
  return array<vec4<f32>, 8>(
    staged[base], staged[base + 1u], staged[base + 2u], staged[base + 3u],
    staged[base + 4u], staged[base + 5u], staged[base + 6u], staged[base + 7u],
  );
}

/// Items in order; a group of the vector is read once for all rows.
fn multiply_item(local: u32, item: u32, weight: FetchedGroup) {
  let row = item_row(local, item);
  let group = item_group(local, item);
  if (item % thread_rows() == 0u) {
    group_values = staged_group(min(group, INPUT_GROUPS - 1u));
  }
  if (row < ROWS) {
    let sum = group_dot(weight_values(weight.words), group_values);
    let product = select(0.0, weight_scale_of(weight.scale_word, group) * sum, group < INPUT_GROUPS);
    let at = lane_sum_at(local, row);
    if (thread_rows() > 1u) {
      lane_sums[at] = select(lane_sums[at], 0.0, item < thread_rows()) + product;
    } else {
      fetched_sum += product;
      if (item + 1u == FETCHED) {
        lane_sums[at] = fetched_sum;
      }
    }
  }
}

fn group_dot(w: array<vec4<f32>, 8>, x: array<vec4<f32>, 8>) -> f32 {
  return dot(w[0], x[0]) + dot(w[1], x[1]) + dot(w[2], x[2]) + dot(w[3], x[3])
    + dot(w[4], x[4]) + dot(w[5], x[5]) + dot(w[6], x[6]) + dot(w[7], x[7]);
}

/// The items that were not read ahead.
fn multiply_rest(local: u32) {
  for (var item = FETCHED; item < thread_rows(); item++) {
    let row = item_row(local, item);
    if (row < ROWS) {
      lane_sums[lane_sum_at(local, row)] = 0.0;
    }
  }
  for (var first = FETCHED / thread_rows() * thread_rows(); first < thread_rows() * thread_groups(); first += thread_rows()) {
    let group = item_group(local, first);
    if (group < INPUT_GROUPS) {
      let x = staged_group(group);
      for (var item = max(first, FETCHED); item < first + thread_rows(); item++) {
        let row = item_row(local, item);
        if (row < ROWS) {
          let weight = fetch_item(local, item);
          let scale = weight_scale_of(weight.scale_word, group);
          lane_sums[lane_sum_at(local, row)] += scale * group_dot(weight_values(weight.words), x);
        }
      }
    }
  }
}

/// Computes all products of the workgroup; `row_sum` gives them afterwards, to any thread.
fn multiply_rows(local: u32) {
  if (FETCHED > 0u) {
    multiply_item(local, 0u, fetched[0]);
  }
  if (FETCHED > 1u) {
    multiply_item(local, 1u, fetched[1]);
  }
  if (FETCHED > 2u) {
    multiply_item(local, 2u, fetched[2]);
  }
  if (FETCHED > 3u) {
    multiply_item(local, 3u, fetched[3]);
  }
  if (FETCHED > 4u) {
    multiply_item(local, 4u, fetched[4]);
  }
  if (FETCHED > 5u) {
    multiply_item(local, 5u, fetched[5]);
  }
  if (FETCHED < thread_rows() * thread_groups()) {
    multiply_rest(local);
  }
  workgroupBarrier();
}

fn row_sum(index: u32) -> f32 {
  var sum = 0.0;
  for (var lane = 0u; lane < LANES; lane++) {
    sum += lane_sums[index * (LANES | 1u) + lane];
  }
  return sum;
}
