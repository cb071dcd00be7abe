// What `shaders/moe_combine.wgsl` computes, in float64.

import { addScaled, addScaledRow, type Numbers, rmsNorm } from "../vector.ts";

/** hidden = alpha · x + beta · sum over choice of expert_weights · down, and its norm, both (num_tokens, hidden_size).
 * @param x (num_tokens, hidden_size)
 * @param down (num_tokens, experts_per_token, hidden_size)
 * @param expertWeights (num_tokens, experts_per_token)
 * @param norm the norm's weight, (hidden_size) */
export function moeCombine(
  x: Numbers,
  down: Numbers,
  expertWeights: Numbers,
  alpha: number,
  beta: number,
  norm: Numbers,
  eps: number,
): { hidden: Float64Array; normed: Float64Array } {
  const hiddenSize = norm.length;
  const expertsPerToken = (expertWeights.length * hiddenSize) / x.length;
  const sum = new Float64Array(x.length);
  for (let slot = 0; slot < expertWeights.length; slot++) {
    const token = Math.floor(slot / expertsPerToken);
    addScaledRow(sum, token * hiddenSize, expertWeights[slot], down, slot * hiddenSize, hiddenSize);
  }
  const hidden = addScaled(alpha, Float64Array.from(x), beta, sum);
  return { hidden, normed: rmsNorm(hidden, norm, eps) };
}
