// How far two models' next-token distributions are apart.

/** Σ p ln(p / q) in nats, of two rows of logits. */
export function divergence(logits: Float32Array, others: Float32Array): number {
  const normalizer = (row: Float32Array) => Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
  const [first, second] = [normalizer(logits), normalizer(others)];
  return logits.reduce((sum, value, i) => {
    const logProbability = value - first;
    return sum + Math.exp(logProbability) * (logProbability - (others[i]! - second));
  }, 0);
}

/** For each token, of logits (num_tokens, vocab_size). */
export function divergences(logits: Float32Array, others: Float32Array, vocabSize: number): number[] {
  const row = (values: Float32Array, token: number) => values.subarray(token * vocabSize, (token + 1) * vocabSize);
  return Array.from({ length: logits.length / vocabSize }, (_, token) =>
    divergence(row(logits, token), row(others, token)),
  );
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
