// Reads q, k and v of a lightning layer. The kernel declares `override NUM_HEADS, HEAD_DIM: u32` and binds `call` and
// `qkv: array<vec4<f32>>`, (num_tokens, num_heads, 3, head_dim).
const QUERY: u32 = 0u;
const KEY: u32 = 1u;
const VALUE: u32 = 2u;

/// Channels 4·channel4 … +3 of a token's part; zero past the block's last token and past the head's last channel.
fn qkv_part(token: u32, head: u32, part: u32, channel4: u32) -> vec4<f32> {
  if (token >= call.num_tokens || channel4 >= HEAD_DIM / 4u) {
    return vec4<f32>();
  }
  return qkv[((token * NUM_HEADS + head) * 3u + part) * (HEAD_DIM / 4u) + channel4];
}
