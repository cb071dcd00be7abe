// What `shaders/attention_combine.wgsl` computes, in float64.

import type { Numbers } from "../vector.ts";
import type { AttentionHeads } from "./qkv-parts.ts";

/** Combines a block's splits → (num_tokens, num_heads, head_dim).
 * @param stats (splits, num_tokens, num_heads, 2): largest score, sum
 * @param partials (splits, num_tokens, num_heads, head_dim) */
export function attentionCombine(
  stats: Numbers,
  partials: Numbers,
  numTokens: number,
  { numHeads, headDim }: Pick<AttentionHeads, "numHeads" | "headDim">,
  numSplits: number,
): Float64Array {
  const numRows = numTokens * numHeads;
  const output = new Float64Array(numRows * headDim);
  for (let row = 0; row < numRows; row++) {
    const parts = Array.from({ length: numSplits }, (_, split) => split * numRows + row);
    const largest = Math.max(...parts.map((part) => stats[2 * part]!));
    let total = 0;
    for (const part of parts) {
      const weight = Math.exp(stats[2 * part]! - largest);
      total += weight * stats[2 * part + 1]!;
      for (let i = 0; i < headDim; i++) output[row * headDim + i]! += weight * partials[part * headDim + i]!;
    }
    for (let i = 0; i < headDim; i++) output[row * headDim + i]! /= total;
  }
  return output;
}
