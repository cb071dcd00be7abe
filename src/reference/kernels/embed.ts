// What `shaders/embed.wgsl` computes, in float64.

/** Rows of the table (vocab_size, hidden_size) for each id; returns (num_tokens, hidden_size). */
export function embed(table: ArrayLike<number>, tokenIds: ArrayLike<number>, hiddenSize: number): Float64Array {
  const hidden = new Float64Array(tokenIds.length * hiddenSize);
  for (let token = 0; token < tokenIds.length; token++) {
    for (let i = 0; i < hiddenSize; i++) hidden[token * hiddenSize + i] = table[tokenIds[token]! * hiddenSize + i]!;
  }
  return hidden;
}
