// What `shaders/attention_output_decode.wgsl` computes, in float64.

import { linear, type Numbers } from "../vector.ts";

export interface AttentionOutputDecodeInputs {
  /** (hidden_size), the normed input of the layer */
  readonly residual: Numbers;
  /** (parts, num_heads, head_dim + 2): accumulator, largest score, sum; a part with sum 0 counts for nothing */
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
  const { residual, partials, numHeads, headDim, oProj, alpha, beta } = inputs;
  const o = new Float64Array(numHeads * headDim);
  for (let head = 0; head < numHeads; head++) {
    const bases = Array.from(
      { length: partials.length / (numHeads * (headDim + 2)) },
      (_, part) => (part * numHeads + head) * (headDim + 2),
    ).filter((base) => partials[base + headDim + 1]! > 0);
    const largest = Math.max(...bases.map((base) => partials[base + headDim]!));
    let total = 0;
    for (const base of bases) {
      const weight = Math.exp(partials[base + headDim]! - largest);
      total += weight * partials[base + headDim + 1]!;
      for (let i = 0; i < headDim; i++) o[head * headDim + i]! += weight * partials[base + i]!;
    }
    for (let i = 0; i < headDim; i++) o[head * headDim + i]! /= total;
  }
  const a = linear(o, oProj, residual.length);
  return a.map((value, i) => alpha * residual[i]! + beta * value);
}
