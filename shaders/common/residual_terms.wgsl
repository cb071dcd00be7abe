// The residual stream of one token, times a norm's weight, into `staged`; once in a kernel. The kernel before left the
// stream as terms, so that no dispatch is needed to add them up:
//   hidden = ALPHA · terms[0] + BETA · scale · (terms[1] + … + terms[NUM_TERMS]);  hidden = terms[0] if NUM_TERMS is 0
// A term's row is hidden_size values and a vec4, whose first is the sum of squares of the term's part of a vector of
// SCALE_SIZE: scale = 1 / sqrt(mean of its squares + SCALE_EPS), the norm of a lightning layer; 1 if SCALE_SIZE is 0.
// The kernel declares `override WORKGROUP_SIZE, HIDDEN_SIZE, NUM_TERMS, SCALE_SIZE: u32; override EPS, ALPHA, BETA: f32`,
// binds `terms` and `norm` as array<vec4<f32>>, and defines `keep_hidden(column4, value)`, which may store the sums.
const SCALE_EPS: f32 = 1e-6;
const TERM_BATCH: u32 = 12u;  // terms read at once, so that they arrive together

var<private> terms_base: u32;  // where the token's terms begin, in vec4
var<private> norm_scale: f32;  // what `staged` is still to be multiplied with to be rms_norm(hidden)

/// Column `column4` of the sum of all terms; its row's last vec4 is the sum of squares.
fn term_sum(column4: u32) -> vec4<f32> {
  let row4 = HIDDEN_SIZE / 4u + 1u;
  var sum = vec4<f32>();
  for (var first = 1u; first <= NUM_TERMS; first += TERM_BATCH) {
    var batch: array<vec4<f32>, TERM_BATCH>;
    for (var i = 0u; i < TERM_BATCH; i++) {
      batch[i] = terms[terms_base + min(first + i, NUM_TERMS) * row4 + column4];
    }
    for (var i = 0u; i < TERM_BATCH; i++) {
      sum += select(vec4<f32>(), batch[i], first + i <= NUM_TERMS);
    }
  }
  return sum;
}

/// Fills `staged` and sets `norm_scale`; ends with a barrier.
fn stage_hidden(local: u32) {
  var scale = BETA;
  if (SCALE_SIZE > 0u) {
    scale = BETA / sqrt(term_sum(HIDDEN_SIZE / 4u).x / f32(SCALE_SIZE) + SCALE_EPS);
  }
  var hidden_squares = 0.0;
  for (var i = local; i < HIDDEN_SIZE / 4u; i += WORKGROUP_SIZE) {
    var hidden = terms[terms_base + i];
    if (NUM_TERMS > 0u) {
      hidden = ALPHA * hidden + scale * term_sum(i);
    }
    keep_hidden(i, hidden);
    hidden_squares += dot(hidden, hidden);
    staged[(i / 8u) * GROUP_STRIDE + i % 8u] = hidden * norm[i];
  }
  let total = workgroup_sums(vec2<f32>(hidden_squares, 0.0), local).x;
  norm_scale = 1.0 / sqrt(total / f32(HIDDEN_SIZE) + EPS);
}

/// Four values of rms_norm(hidden).
fn normed_hidden(column4: u32) -> vec4<f32> {
  return staged[(column4 / 8u) * GROUP_STRIDE + column4 % 8u] * norm_scale;
}
