// What `shaders/attention_output_decode.wgsl` computes, in float64.

import { linear, type Numbers } from "../vector.ts";
import { attentionCombine } from "./attention-combine.ts";

export interface AttentionOutputDecodeInputs {
  /** (hidden_size), the normed input of the layer */
  readonly residual: Numbers;
  /** (splits, num_heads, 2): largest score, sum */
  readonly stats: Numbers;
  /** (splits, num_heads, head_dim) */
  readonly partials: Numbers;
  readonly numHeads: number;
  readonly headDim: number;
  /** (hidden_size, num_heads · head_dim) */
  readonly oProj: Float32Array;
  readonly alpha: number;
  readonly beta: number;
}

/** Gives hidden_next (hidden_size). */
export function attentionOutputDecode(inputs: AttentionOutputDecodeInputs): Float64Array {
  const { residual, stats, partials, numHeads, headDim, oProj, alpha, beta } = inputs;
  const numSplits = stats.length / (2 * numHeads);
  const o = attentionCombine(stats, partials, 1, { numHeads, headDim }, numSplits);
  const a = linear(o, oProj, residual.length);
  return a.map((value, i) => alpha * residual[i]! + beta * value);
}
