// What `shaders/lightning_decode.wgsl` computes, in float64.

import { lightningRecurrent } from "../model.ts";
import { linear, type Numbers, rmsNorm, sigmoid, silu, type Weight } from "../vector.ts";

/** Lightning attention of one token before its norm, and the output gate, both (num_heads · head_dim). Advances `state`
 * (num_heads, head_dim, head_dim) in place.
 * @param hidden (hidden_size)
 * @param qkvGate qkv_proj then output_gate, (num_heads · 4 · head_dim, hidden_size)
 * @param slopes (num_heads) */
export function lightningDecode(
  hidden: Numbers,
  norm: Numbers,
  eps: number,
  qkvGate: Weight,
  slopes: Numbers,
  state: Float64Array,
): { attentionOutput: Float64Array; gate: Float64Array } {
  const numRows = qkvGate.length / norm.length;
  const products = linear(rmsNorm(hidden, norm, eps), qkvGate, numRows);
  const qkv = products.subarray(0, (numRows * 3) / 4).map(silu);
  return {
    attentionOutput: lightningRecurrent(qkv, state, slopes, numRows / 4 / slopes.length),
    gate: products.subarray((numRows * 3) / 4).map(sigmoid),
  };
}
