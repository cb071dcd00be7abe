// What `shaders/lightning_decode.wgsl` computes, in float64.

import { LIGHTNING_NORM_EPS, lightningRecurrent } from "../model.ts";
import { linear, type Numbers, rmsNorm, sigmoid, silu, type Weight } from "../vector.ts";

export interface LightningDecodeWeights {
  /** (hidden_size), with its eps */
  readonly norm: Numbers;
  readonly eps: number;
  /** qkv_proj then output_gate, (num_heads · 4 · head_dim, hidden_size) */
  readonly qkvGate: Weight;
  /** (num_heads · head_dim) */
  readonly attentionNorm: Numbers;
  /** (num_heads) */
  readonly slopes: Numbers;
  /** (hidden_size, num_heads · head_dim) */
  readonly outProj: Weight;
}

/** The normed input of one token, and the layer's output, both (hidden_size). Advances `state` (num_heads, head_dim,
 * head_dim) in place. The kernel leaves the output as terms, which wait for the norm's scale. */
export function lightningDecode(
  hidden: Numbers,
  { norm, eps, qkvGate, attentionNorm, slopes, outProj }: LightningDecodeWeights,
  state: Float64Array,
): { residual: Float64Array; output: Float64Array } {
  const numRows = qkvGate.length / norm.length;
  const residual = rmsNorm(hidden, norm, eps);
  const products = linear(residual, qkvGate, numRows);
  const qkv = products.subarray(0, (numRows * 3) / 4).map(silu);
  const gate = products.subarray((numRows * 3) / 4).map(sigmoid);
  const attended = lightningRecurrent(qkv, state, slopes, numRows / 4 / slopes.length);
  const gated = rmsNorm(attended, attentionNorm, LIGHTNING_NORM_EPS).map((value, i) => value * gate[i]!);
  return { residual, output: linear(gated, outProj, norm.length) };
}
