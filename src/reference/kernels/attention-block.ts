// What `shaders/attention_block.wgsl` computes over all of a layer's segments, in float64.

import { rotate, softmaxAttention } from "../model.ts";
import type { Numbers } from "../vector.ts";
import { type AttentionHeads, qkvParts } from "./qkv-parts.ts";

/** Causal attention of a block's queries → (num_tokens, num_heads, head_dim).
 * @param qkv (num_tokens, num_heads + 2 num_kv_heads, head_dim), queries not yet rotated, the first token at `position`
 * @param cache (at least position + num_tokens, 2, num_kv_heads, head_dim): rotated key, then value, of every token
 * @param frequencies (head_dim / 2) */
export function attentionBlock(
  qkv: Numbers,
  cache: Numbers,
  position: number,
  heads: AttentionHeads,
  frequencies: Numbers,
): Float64Array {
  const { numHeads, numKvHeads, headDim } = heads;
  const width = numKvHeads * headDim;
  const part = (index: number) =>
    Float64Array.from(
      { length: cache.length / 2 },
      (_, i) => cache[(2 * Math.floor(i / width) + index) * width + (i % width)],
    );
  const query = rotate(qkvParts(qkv, heads).query, position, numHeads, frequencies);
  return softmaxAttention(query, part(0), part(1), position, numHeads, numKvHeads, headDim);
}
