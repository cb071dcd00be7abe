// RoPE by angle addition from two tables computed in float64: angles of position 2048·row (coarse) and of row (fine).
// The kernel declares `override HEAD_DIM: u32` and binds `rope_table: array<vec2<f32>>`, (2, 2048, head_dim/2), cos and sin.
const ROPE_ROWS: u32 = 2048u;

/// Cosine and sine of the angle of a channel (0 .. head_dim/2 - 1) at a position below 2²²; error ≤ 1e-6.
fn rotation(position: u32, channel: u32) -> vec2<f32> {
  let half_dim = HEAD_DIM / 2u;
  let coarse = rope_table[(position / ROPE_ROWS) * half_dim + channel];
  let fine = rope_table[(ROPE_ROWS + position % ROPE_ROWS) * half_dim + channel];
  return vec2<f32>(coarse.x * fine.x - coarse.y * fine.y, coarse.y * fine.x + coarse.x * fine.y);
}
