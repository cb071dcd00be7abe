// What `shaders/lightning_output_decode.wgsl` computes, in float64.

import { LIGHTNING_NORM_EPS } from "../model.ts";
import { addScaled, linear, type Numbers, rmsNorm, type Weight } from "../vector.ts";

/** alpha · rms_norm(hidden) + beta · ((rms_norm(attention_output) ⊙ gate) @ out_proj^T) → (hidden_size).
 * @param hidden (hidden_size), with its `norm` and `eps`
 * @param attentionOutput (num_heads · head_dim), as attentionNorm and gate, which went through the sigmoid
 * @param outProj (hidden_size, num_heads · head_dim) */
export function lightningOutputDecode(
  hidden: Numbers,
  norm: Numbers,
  eps: number,
  attentionOutput: Numbers,
  attentionNorm: Numbers,
  gate: Numbers,
  outProj: Weight,
  alpha: number,
  beta: number,
): Float64Array {
  const gated = rmsNorm(attentionOutput, attentionNorm, LIGHTNING_NORM_EPS).map((value, i) => value * gate[i]);
  return addScaled(alpha, rmsNorm(hidden, norm, eps), beta, linear(gated, outProj, hidden.length));
}
