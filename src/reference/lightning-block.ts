// Lightning attention's block form: what prefill computes instead of lightningRecurrent in model.ts. Chunk-parallel: what
// each chunk adds to the state, the state before each chunk, and each chunk's outputs, as one kernel each computes them.

import { addScaledRow, dot } from "./vector.ts";
import type { Numbers } from "./vector.ts";

/** lightningRecurrent in chunks of `chunkTokens` tokens; the last may be shorter. */
export function lightningBlock(
  qkv: Numbers,
  state: Float64Array,
  slopes: Numbers,
  headDim: number,
  chunkTokens: number,
): Float64Array {
  const chunkStates = lightningChunk(qkv, slopes, headDim, chunkTokens);
  lightningScan(chunkStates, state, slopes, qkv.length / (3 * slopes.length * headDim), chunkTokens);
  return lightningOutput(qkv, chunkStates, slopes, headDim, chunkTokens);
}

/** Per chunk of n tokens and head: sum over j = 1..n of exp(-slope (n-j)) k_j^T v_j.
 * qkv (num_tokens, num_heads, 3, head_dim), slopes (num_heads) → (num_chunks, num_heads, head_dim, head_dim). */
export function lightningChunk(qkv: Numbers, slopes: Numbers, headDim: number, chunkTokens: number): Float64Array {
  const numHeads = slopes.length;
  const numTokens = qkv.length / (3 * numHeads * headDim);
  const chunkStates = new Float64Array(Math.ceil(numTokens / chunkTokens) * numHeads * headDim ** 2);
  for (let token = 0; token < numTokens; token++) {
    const chunk = Math.floor(token / chunkTokens);
    const end = Math.min(numTokens, (chunk + 1) * chunkTokens);
    for (let head = 0; head < numHeads; head++) {
      const [, k, v] = partsAt(token * numHeads + head, headDim);
      const decay = Math.exp(-slopes[head] * (end - 1 - token));
      for (let row = 0; row < headDim; row++) {
        const at = ((chunk * numHeads + head) * headDim + row) * headDim;
        addScaledRow(chunkStates, at, decay * qkv[k + row], qkv, v, headDim);
      }
    }
  }
  return chunkStates;
}

/** Turns what each chunk adds into the state before it, in place, and advances `state` (num_heads, head_dim, head_dim)
 * over the block: S = exp(-slope n) S + chunkStates[chunk], chunk after chunk. */
export function lightningScan(
  chunkStates: Float64Array,
  state: Float64Array,
  slopes: Numbers,
  numTokens: number,
  chunkTokens: number,
): void {
  const headSize = state.length / slopes.length;
  for (let start = 0, at = 0; start < numTokens; start += chunkTokens) {
    const size = Math.min(chunkTokens, numTokens - start);
    for (let element = 0; element < state.length; element++, at++) {
      const before = state[element];
      state[element] = Math.exp(-slopes[Math.floor(element / headSize)] * size) * before + chunkStates[at];
      chunkStates[at] = before;
    }
  }
}

/** Per chunk, i and j from 1: o_i = sum over j <= i of exp(-slope (i-j)) (q_i · k_j) v_j + exp(-slope i) q_i S, where S of
 * chunkStates is the state before the chunk → (num_tokens, num_heads, head_dim). */
export function lightningOutput(
  qkv: Numbers,
  chunkStates: Numbers,
  slopes: Numbers,
  headDim: number,
  chunkTokens: number,
): Float64Array {
  const numHeads = slopes.length;
  const o = new Float64Array(qkv.length / 3);
  for (let row = 0; row < o.length / headDim; row++) {
    const token = Math.floor(row / numHeads);
    const head = row % numHeads;
    const chunk = Math.floor(token / chunkTokens);
    const [q] = partsAt(row, headDim);
    for (let earlier = chunk * chunkTokens; earlier <= token; earlier++) {
      const [, k, v] = partsAt(earlier * numHeads + head, headDim);
      const score = Math.exp(-slopes[head] * (token - earlier)) * dot(qkv, q, qkv, k, headDim);
      addScaledRow(o, row * headDim, score, qkv, v, headDim);
    }
    const decay = Math.exp(-slopes[head] * (token + 1 - chunk * chunkTokens));
    for (let channel = 0; channel < headDim; channel++) {
      const at = ((chunk * numHeads + head) * headDim + channel) * headDim;
      addScaledRow(o, row * headDim, decay * qkv[q + channel], chunkStates, at, headDim);
    }
  }
  return o;
}

/** Where q, k and v of a token and head begin in qkv; row = token * num_heads + head. */
function partsAt(row: number, headDim: number): [number, number, number] {
  return [3 * row * headDim, (3 * row + 1) * headDim, (3 * row + 2) * headDim];
}
