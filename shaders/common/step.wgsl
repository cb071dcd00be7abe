// What changes with every token. The host writes it before a prefill block; in decode the sampler advances it.
const NO_TOKEN: u32 = 0xffffffffu;
const RECENT_TOKENS: u32 = 64u;

struct Step {
  position: u32,      // tokens in the state so far; the first token of this block stands here
  num_drawn: u32,     // tokens chosen by the sampler since the host last wrote 0
  done: u32,          // 1 after an end token: later steps change nothing
  forced_token: u32,  // taken by the sampler in place of a draw, then NO_TOKEN again
  recent_tokens: array<u32, RECENT_TOKENS>,  // chosen token number n at n % RECENT_TOKENS
  token_ids: array<u32>,  // this block's ids, (block_size); decode reads and writes the first
}
