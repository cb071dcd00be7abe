// x = rms_norm(hidden) of one token. The kernel declares `override WORKGROUP_SIZE, HIDDEN_SIZE: u32; override EPS: f32`,
// binds `hidden` and `norm` as array<vec4<f32>>, and hands the sum of `hidden_squares` over its workgroup to
// `set_norm_scale` before it calls `normed_hidden`.
var<private> hidden_base: u32;  // where the token's row of `hidden` begins, in vec4; 0 in decode
var<private> norm_scale: f32;

/// This thread's part of the sum of squares.
fn hidden_squares(local: u32) -> f32 {
  var sum = 0.0;
  for (var i = local; i < HIDDEN_SIZE / 4u; i += WORKGROUP_SIZE) {
    let values = hidden[hidden_base + i];
    sum += dot(values, values);
  }
  return sum;
}

fn set_norm_scale(square_sum: f32) {
  norm_scale = 1.0 / sqrt(square_sum / f32(HIDDEN_SIZE) + EPS);
}

fn normed_hidden(column4: u32) -> vec4<f32> {
  return hidden[hidden_base + column4] * norm_scale * norm[column4];
}
