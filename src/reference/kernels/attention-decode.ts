// What `shaders/attention_decode.wgsl` computes over all of a layer's segments, in float64.

import type { Numbers } from "../vector.ts";
import { attentionBlock, type SplitAttention } from "./attention-block.ts";
import type { AttentionHeads } from "./qkv-parts.ts";

/** Unnormalised attention over splits of `splitLength` positions: that of a block of one token, whose key and value are
 * appended first.
 * @param qkv (num_heads + 2 num_kv_heads, head_dim) of the token at `position`, queries and keys rotated
 * @param cache (at least position, 2, num_kv_heads, head_dim) */
export function attentionDecode(
  qkv: Numbers,
  cache: Numbers,
  position: number,
  heads: AttentionHeads,
  splitLength: number,
): SplitAttention {
  const { numHeads, numKvHeads, headDim } = heads;
  const slotSize = 2 * numKvHeads * headDim;
  const appended = new Float64Array((position + 1) * slotSize);
  for (let i = 0; i < position * slotSize; i++) appended[i] = cache[i]!;
  for (let i = 0; i < slotSize; i++) appended[position * slotSize + i] = qkv[numHeads * headDim + i]!;
  const numSplits = Math.floor(position / splitLength) + 1;
  return attentionBlock(qkv, appended, position, heads, numSplits, (key) => Math.floor(key / splitLength));
}
