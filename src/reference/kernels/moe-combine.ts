// What `shaders/moe_combine.wgsl` computes, in float64.

import { addScaled, addScaledRow, type Numbers } from "../vector.ts";

/** alpha · x + beta · sum over choice of expert_weights · down: x (num_tokens, hidden_size), down (num_tokens,
 * experts_per_token, hidden_size), expertWeights (num_tokens, experts_per_token) → (num_tokens, hidden_size). */
export function moeCombine(
  x: Numbers,
  down: Numbers,
  expertWeights: Numbers,
  hiddenSize: number,
  alpha: number,
  beta: number,
): Float64Array {
  const expertsPerToken = (expertWeights.length * hiddenSize) / x.length;
  const sum = new Float64Array(x.length);
  for (let slot = 0; slot < expertWeights.length; slot++) {
    const token = Math.floor(slot / expertsPerToken);
    addScaledRow(sum, token * hiddenSize, expertWeights[slot], down, slot * hiddenSize, hiddenSize);
  }
  return addScaled(alpha, Float64Array.from(x), beta, sum);
}
