// What `shaders/token_loss.wgsl` computes over the whole vocabulary, in float64.

import { linear, type Numbers, type Weight } from "../vector.ts";

export interface TokenLoss {
  readonly largest: number;
  /** Of exp(logit - largest). */
  readonly sum: number;
  readonly successorLogit: number;
}

/** Terms of -log p(successor) = log(sum) + largest - successorLogit, for each token of normed (num_tokens, hidden_size).
 * @param lmHead (vocab_size, hidden_size)
 * @param successors (num_tokens) */
export function tokenLoss(normed: Numbers, lmHead: Weight, vocabSize: number, successors: Numbers): TokenLoss[] {
  const logits = linear(normed, lmHead, vocabSize);
  return Array.from({ length: successors.length }, (_, token) => {
    const row = logits.subarray(token * vocabSize, (token + 1) * vocabSize);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
    return { largest, sum, successorLogit: row[successors[token]] };
  });
}
