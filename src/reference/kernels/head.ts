// What `shaders/head.wgsl` computes, in float64.

import { linear, type Numbers, rmsNorm, type Weight } from "../vector.ts";

/** Logits (vocab_size) of the last token of hidden (num_tokens, hidden_size) by lm_head (vocab_size, hidden_size). */
export function head(hidden: Numbers, norm: Numbers, lmHead: Weight, eps: number): Float64Array {
  const hiddenSize = norm.length;
  const last = Array.from(hidden).slice(-hiddenSize);
  return linear(rmsNorm(last, norm, eps), lmHead, lmHead.length / hiddenSize);
}
