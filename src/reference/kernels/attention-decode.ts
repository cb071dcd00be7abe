// What `shaders/attention_decode.wgsl` computes for one segment, in float64.

import { dot, type Numbers } from "../vector.ts";
import type { AttentionHeads } from "./qkv-parts.ts";

export interface DecodeSegment {
  /** Position of its first slot. */
  readonly start: number;
  /** (capacity, 2, num_kv_heads, head_dim); the row of `position` is not read. */
  readonly cache: Numbers;
}

/** Unnormalised attention over each split's keys: (splits, num_heads, head_dim + 2) with the accumulator, the largest
 * score and the sum, both 0 for a split without keys.
 * @param qkv (num_heads + 2 num_kv_heads, head_dim) of the token at `position`, queries and keys rotated
 * @param splits number of splits, and the fewest keys of one */
export function attentionDecode(
  qkv: Numbers,
  { start, cache }: DecodeSegment,
  position: number,
  { numHeads, numKvHeads, headDim }: AttentionHeads,
  splits: { readonly count: number; readonly minKeys: number },
): Float64Array {
  const capacity = cache.length / (2 * numKvHeads * headDim);
  const numKeys = Math.max(0, Math.min(position + 1 - start, capacity));
  const splitKeys = Math.max(splits.minKeys, Math.ceil(numKeys / splits.count));
  const partials = new Float64Array(splits.count * numHeads * (headDim + 2));
  for (let split = 0; split < splits.count; split++) {
    const end = Math.min((split + 1) * splitKeys, numKeys);
    for (let head = 0; head < numHeads; head++) {
      const kvHead = Math.floor(head / (numHeads / numKvHeads));
      const row = (key: number, part: 0 | 1): readonly [Numbers, number] =>
        start + key === position
          ? [qkv, (numHeads + part * numKvHeads + kvHead) * headDim]
          : [cache, ((key * 2 + part) * numKvHeads + kvHead) * headDim];
      const keys = Array.from({ length: Math.max(0, end - split * splitKeys) }, (_, i) => split * splitKeys + i);
      const scores = keys.map((key) => dot(qkv, head * headDim, ...row(key, 0), headDim) / Math.sqrt(headDim));
      const largest = scores.length > 0 ? Math.max(...scores) : 0;
      const base = (split * numHeads + head) * (headDim + 2);
      for (const [index, key] of keys.entries()) {
        const weight = Math.exp(scores[index]! - largest);
        const [values, offset] = row(key, 1);
        for (let i = 0; i < headDim; i++) partials[base + i]! += weight * values[offset + i]!;
        partials[base + headDim + 1]! += weight;
      }
      partials[base + headDim] = largest;
    }
  }
  return partials;
}
