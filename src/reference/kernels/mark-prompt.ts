// What `shaders/mark_prompt.wgsl` computes.

/** Of a token's count: it stands in the prompt. The lower bits are how often it was drawn since. */
export const IN_PROMPT = 0x80000000;

/** Counts (vocab_size) after a block of ids was read: what was drawn before it belongs to the prompt then, too. */
export function markPrompt(tokenCounts: ArrayLike<number>, tokenIds: ArrayLike<number>): Uint32Array {
  const marked = Uint32Array.from(tokenCounts, (count) => (count > 0 ? IN_PROMPT : 0));
  for (let token = 0; token < tokenIds.length; token++) marked[tokenIds[token]!] = IN_PROMPT;
  return marked;
}
