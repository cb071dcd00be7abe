// What `shaders/attention_qkv_decode.wgsl` computes, in float64.

import { rotate } from "../model.ts";
import { linear, type Numbers, rmsNorm, type Weight } from "../vector.ts";
import type { AttentionHeads } from "./qkv-parts.ts";

/** Queries, keys and values of one token, ((num_heads + 2 num_kv_heads) · head_dim), queries and keys rotated.
 * @param hidden (hidden_size)
 * @param qkvProj ((num_heads + 2 num_kv_heads) · head_dim, hidden_size)
 * @param frequencies (head_dim / 2) */
export function attentionQkvDecode(
  hidden: Numbers,
  norm: Numbers,
  eps: number,
  qkvProj: Weight,
  position: number,
  { numHeads, numKvHeads, headDim }: AttentionHeads,
  frequencies: Numbers,
): Float64Array {
  const qkv = linear(rmsNorm(hidden, norm, eps), qkvProj, (numHeads + 2 * numKvHeads) * headDim);
  const numRotated = numHeads + numKvHeads;
  qkv.set(rotate(qkv.subarray(0, numRotated * headDim), position, numRotated, frequencies));
  return qkv;
}
