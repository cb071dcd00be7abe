// What `shaders/lightning_gate.wgsl` computes, in float64.

import { LIGHTNING_NORM_EPS } from "../model.ts";
import { type Numbers, rmsNorm, sigmoid } from "../vector.ts";

/** rms_norm(attention_output) · sigmoid(gate), all (num_tokens, num_heads · head_dim); weight (num_heads · head_dim). */
export function lightningGate(attentionOutput: Numbers, weight: Numbers, gate: Numbers): Float64Array {
  return rmsNorm(attentionOutput, weight, LIGHTNING_NORM_EPS).map((value, i) => value * sigmoid(gate[i]));
}
