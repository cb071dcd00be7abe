// The residual stream of one token, times a norm's weight, into `staged`; once in a kernel. The kernel before left the
// stream as terms, so that no dispatch is needed to add them up:
//   hidden = ALPHA · terms[0] + BETA · scale · (terms[1] + … + terms[NUM_TERMS]);  hidden = terms[0] if NUM_TERMS is 0
// A term's row is hidden_size values and a vec4, whose first is the sum of squares of the term's part of a vector of
// SCALE_SIZE: scale = 1 / sqrt(mean of its squares + SCALE_EPS), the norm of a lightning layer; 1 if SCALE_SIZE is 0.
// The kernel declares `override WORKGROUP_SIZE, HIDDEN_SIZE, NUM_TERMS, SCALE_SIZE: u32; override EPS, ALPHA, BETA: f32`,
// binds `terms` and `norm` as array<vec4<f32>>, and defines `keep_hidden(column4, value)`, which may store the sums, and
// `read_ahead(local)`, which may begin to read what the kernel needs next, while the terms are on their way.
const SCALE_EPS: f32 = 1e-6;
var<private> terms_base: u32;  // where the token's terms begin, in vec4
var<private> norm_scale: f32;  // what `staged` is still to be multiplied with to be rms_norm(hidden)

/// Column `column4` of the sum of terms `first`, `first + step`, …; a row's last column is the sum of squares. Four at once,
/// so that they arrive together.
fn term_sum(column4: u32, first: u32, step: u32) -> vec4<f32> {
  let row4 = HIDDEN_SIZE / 4u + 1u;
  var sum = vec4<f32>();
  for (var term = first; term <= NUM_TERMS; term += 4u * step) {
    let a = terms[terms_base + term * row4 + column4];
    let b = terms[terms_base + min(term + step, NUM_TERMS) * row4 + column4];
    let c = terms[terms_base + min(term + 2u * step, NUM_TERMS) * row4 + column4];
    let d = terms[terms_base + min(term + 3u * step, NUM_TERMS) * row4 + column4];
    sum += a + select(vec4<f32>(), b, term + step <= NUM_TERMS)
      + select(vec4<f32>(), c, term + 2u * step <= NUM_TERMS) + select(vec4<f32>(), d, term + 3u * step <= NUM_TERMS);
  }
  return sum;
}

const TERM_BATCH: u32 = 12u;  // terms of a thread that are asked for before anything else

/// The first terms of a thread: `first`, `first + step`, …; past the last one they repeat it.
fn term_batch(column4: u32, first: u32, step: u32) -> array<vec4<f32>, TERM_BATCH> {
  var batch: array<vec4<f32>, TERM_BATCH>;
  for (var i = 0u; i < TERM_BATCH; i++) {
    if (i * step < NUM_TERMS) {
      batch[i] = terms[terms_base + min(first + i * step, NUM_TERMS) * (HIDDEN_SIZE / 4u + 1u) + column4];
    }
  }
  return batch;
}

fn batch_sum(batch: array<vec4<f32>, TERM_BATCH>, first: u32, step: u32) -> vec4<f32> {
  var sum = vec4<f32>();
  for (var i = 0u; i < TERM_BATCH; i++) {
    if (i * step < NUM_TERMS) {
      sum += select(vec4<f32>(), batch[i], first + i * step <= NUM_TERMS);
    }
  }
  return sum;
}

/// Whether a thread asks for all of its column's terms at once: it needs nobody's share then.
fn has_few_terms() -> bool {
  return NUM_TERMS > 0u && NUM_TERMS <= TERM_BATCH;
}

/// How many threads share a column's terms.
fn term_parts() -> u32 {
  return max(1u, WORKGROUP_SIZE / (HIDDEN_SIZE / 4u + 1u));
}

/// The sum of all terms' column, from the threads' sums.
fn gathered_sum(column4: u32) -> vec4<f32> {
  let num_columns = HIDDEN_SIZE / 4u + 1u;
  var sum = vec4<f32>();
  for (var part = 0u; part < term_parts(); part++) {
    let thread = part * num_columns + column4;
    sum += vec4<f32>(
      lane_sums[thread],
      lane_sums[WORKGROUP_SIZE + thread],
      lane_sums[2u * WORKGROUP_SIZE + thread],
      lane_sums[3u * WORKGROUP_SIZE + thread],
    );
  }
  return sum;
}

/// Fills `staged` and sets `norm_scale`; ends with a barrier. Uses `lane_sums`, before the products do.
fn stage_hidden(local: u32) {
  let num_columns = HIDDEN_SIZE / 4u + 1u;
  let is_shared = NUM_TERMS > TERM_BATCH && term_parts() > 1u;
  let first_term = 1u + local / num_columns;
  var batch: array<vec4<f32>, TERM_BATCH>;
  var squares_batch: array<vec4<f32>, TERM_BATCH>;
  if (is_shared) {
    batch = term_batch(local % num_columns, first_term, term_parts());
  } else if (has_few_terms() && local < HIDDEN_SIZE / 4u) {
    batch = term_batch(local, 1u, 1u);
    if (SCALE_SIZE > 0u) {
      squares_batch = term_batch(num_columns - 1u, 1u, 1u);
    }
  }
  let own = min(local, HIDDEN_SIZE / 4u - 1u);
  let own_residual = terms[terms_base + own];
  let own_norm = norm[own];
  prepare_sums();
  read_ahead(local);
  if (is_shared) {
    if (first_term <= term_parts()) {
      let sum = batch_sum(batch, first_term, term_parts())
        + term_sum(local % num_columns, first_term + TERM_BATCH * term_parts(), term_parts());
      lane_sums[local] = sum.x;
      lane_sums[WORKGROUP_SIZE + local] = sum.y;
      lane_sums[2u * WORKGROUP_SIZE + local] = sum.z;
      lane_sums[3u * WORKGROUP_SIZE + local] = sum.w;
    }
    workgroupBarrier();
  }
  var scale = BETA;
  if (SCALE_SIZE > 0u) {
    var squares: f32;
    if (is_shared) {
      squares = gathered_sum(num_columns - 1u).x;
    } else if (has_few_terms()) {
      squares = batch_sum(squares_batch, 1u, 1u).x;
    } else {
      squares = term_sum(num_columns - 1u, 1u, 1u).x;
    }
    scale = BETA * inverseSqrt(squares / f32(SCALE_SIZE) + SCALE_EPS);
  }
  var hidden_squares = 0.0;
  for (var i = local; i < HIDDEN_SIZE / 4u; i += WORKGROUP_SIZE) {
    var hidden = own_residual;
    var weight = own_norm;
    if (i != local) {
      hidden = terms[terms_base + i];
      weight = norm[i];
    }
    if (NUM_TERMS > 0u) {
      var sum: vec4<f32>;
      if (is_shared) {
        sum = gathered_sum(i);
      } else if (has_few_terms() && i == local) {
        sum = batch_sum(batch, 1u, 1u);
      } else {
        sum = term_sum(i, 1u, 1u);
      }
      hidden = ALPHA * hidden + scale * sum;
    }
    keep_hidden(i, hidden);
    hidden_squares += dot(hidden, hidden);
    staged[(i / 8u) * GROUP_STRIDE + i % 8u] = hidden * weight;
  }
  let total = workgroup_sum(hidden_squares, HIDDEN_SIZE / 4u, local);
  norm_scale = inverseSqrt(total / f32(HIDDEN_SIZE) + EPS);
}

/// Four values of rms_norm(hidden).
fn normed_hidden(column4: u32) -> vec4<f32> {
  return staged[(column4 / 8u) * GROUP_STRIDE + column4 % 8u] * norm_scale;
}
