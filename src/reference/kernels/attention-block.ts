// What `shaders/attention_block.wgsl` computes over all of a layer's segments, in float64.

import { dot, type Numbers } from "../vector.ts";
import { type AttentionHeads, qkvParts } from "./qkv-parts.ts";

/** Softmax attention split by keys; a split of which a token sees no key holds zeros for it. */
export interface SplitAttention {
  /** (splits, num_tokens, num_heads, 2): largest score, and sum of exp(score - largest) */
  readonly stats: Float64Array;
  /** (splits, num_tokens, num_heads, head_dim): sum of exp(score - largest) v */
  readonly partials: Float64Array;
}

/** Causal attention of a block's queries, unnormalised, over `numSplits` splits of the keys.
 * @param qkv (num_tokens, num_heads + 2 num_kv_heads, head_dim), queries rotated, the first token at `position`
 * @param cache (at least position + num_tokens, 2, num_kv_heads, head_dim): rotated key, then value, of every token
 * @param splitOf the split that a key belongs to, by its position */
export function attentionBlock(
  qkv: Numbers,
  cache: Numbers,
  position: number,
  heads: AttentionHeads,
  numSplits: number,
  splitOf: (key: number) => number,
): SplitAttention {
  const { numHeads, numKvHeads, headDim } = heads;
  const { query } = qkvParts(qkv, heads);
  const numRows = query.length / headDim;
  const stats = new Float64Array(numSplits * numRows * 2);
  const partials = new Float64Array(numSplits * numRows * headDim);
  for (let row = 0; row < numRows; row++) {
    const last = position + Math.floor(row / numHeads);
    const kvHead = Math.floor((row % numHeads) / (numHeads / numKvHeads));
    const cacheAt = (key: number, part: 0 | 1) => ((2 * key + part) * numKvHeads + kvHead) * headDim;
    const keysOfSplits = Array.from({ length: numSplits }, (): number[] => []);
    for (let key = 0; key <= last; key++) keysOfSplits[splitOf(key)]!.push(key);
    for (const [split, keys] of keysOfSplits.entries()) {
      if (keys.length === 0) continue;
      const scores = keys.map((key) => dot(query, row * headDim, cache, cacheAt(key, 0), headDim) / Math.sqrt(headDim));
      const result = split * numRows + row;
      const largest = Math.max(...scores);
      stats[2 * result] = largest;
      for (const [index, key] of keys.entries()) {
        const weight = Math.exp(scores[index]! - largest);
        stats[2 * result + 1]! += weight;
        for (let i = 0; i < headDim; i++) partials[result * headDim + i]! += weight * cache[cacheAt(key, 1) + i]!;
      }
    }
  }
  return { stats, partials };
}
