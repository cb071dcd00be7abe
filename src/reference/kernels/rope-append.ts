// What `shaders/rope_append.wgsl` computes, in float64.

import { rotate } from "../model.ts";
import type { Numbers } from "../vector.ts";
import { type AttentionHeads, qkvParts } from "./qkv-parts.ts";

/** Writes the rotated keys and the values of a block into `cache` (capacity, 2, num_kv_heads, head_dim), in place, where
 * slot i holds the token of position start + i; tokens outside the capacity are left out. Returns qkv with the queries of
 * the other tokens rotated.
 * @param qkv (num_tokens, num_heads + 2 num_kv_heads, head_dim), whose first token stands at `position`
 * @param frequencies (head_dim / 2) */
export function ropeAppend(
  cache: Float64Array,
  start: number,
  qkv: Numbers,
  position: number,
  heads: AttentionHeads,
  frequencies: Numbers,
): Float64Array {
  const width = heads.numKvHeads * heads.headDim;
  const queryWidth = heads.numHeads * heads.headDim;
  const { query, key, value } = qkvParts(qkv, heads);
  const rotatedQuery = rotate(query, position, heads.numHeads, frequencies);
  const rotatedKey = rotate(key, position, heads.numKvHeads, frequencies);
  const rotated = Float64Array.from(qkv);
  for (let token = 0; token < key.length / width; token++) {
    const slot = position + token - start;
    if (slot < 0 || slot >= cache.length / (2 * width)) continue;
    rotated.set(rotatedQuery.subarray(token * queryWidth, (token + 1) * queryWidth), token * (queryWidth + 2 * width));
    cache.set(rotatedKey.subarray(token * width, (token + 1) * width), slot * 2 * width);
    cache.set(value.subarray(token * width, (token + 1) * width), (slot * 2 + 1) * width);
  }
  return rotated;
}
