// The layout of a softmax layer's stacked projections: each token's query heads, then its key heads, then its value heads.

import type { Numbers } from "../vector.ts";

export interface AttentionHeads {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
}

export interface QkvParts {
  /** (num_tokens, num_heads, head_dim) */
  readonly query: Float64Array;
  /** (num_tokens, num_kv_heads, head_dim) */
  readonly key: Float64Array;
  /** (num_tokens, num_kv_heads, head_dim) */
  readonly value: Float64Array;
}

/** Parts of qkv (num_tokens, num_heads + 2 num_kv_heads, head_dim). */
export function qkvParts(qkv: Numbers, { numHeads, numKvHeads, headDim }: AttentionHeads): QkvParts {
  const width = (numHeads + 2 * numKvHeads) * headDim;
  const heads = (first: number, count: number) =>
    Float64Array.from({ length: (qkv.length / width) * count * headDim }, (_, i) => {
      const token = Math.floor(i / (count * headDim));
      return qkv[token * width + first * headDim + (i % (count * headDim))];
    });
  return {
    query: heads(0, numHeads),
    key: heads(numHeads, numKvHeads),
    value: heads(numHeads + numKvHeads, numKvHeads),
  };
}
