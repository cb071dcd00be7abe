// What `shaders/lightning_qkv_gate.wgsl` computes, in float64.

import { linear, type Numbers, silu, type Weight } from "../vector.ts";

/** silu(x · qkv_projᵀ), (num_tokens, 3 · attention_size), and x · output_gateᵀ, (num_tokens, attention_size).
 * @param x (num_tokens, hidden_size)
 * @param qkvGate qkv_proj then output_gate, (4 · attention_size, hidden_size) */
export function lightningQkvGate(
  x: Numbers,
  qkvGate: Weight,
  attentionSize: number,
): { qkv: Float64Array; gate: Float64Array } {
  const qkvLength = (3 * qkvGate.length) / 4;
  return {
    qkv: linear(x, qkvGate.subarray(0, qkvLength), 3 * attentionSize).map(silu),
    gate: linear(x, qkvGate.subarray(qkvLength), attentionSize),
  };
}
