// Lightning attention's block form: what prefill computes instead of lightningRecurrent in model.ts.

import { addScaledRow, dot } from "./vector.ts";
import type { Numbers } from "./vector.ts";

/** lightningRecurrent in blocks of B tokens, i, j = 1..B (the last block may be shorter):
 * o_i = sum over j <= i of exp(-slope (i-j)) (q_i · k_j) v_j + exp(-slope i) q_i S,
 * S = exp(-slope B) S + sum over j of exp(-slope (B-j)) k_j^T v_j. */
export function lightningBlock(
  qkv: Numbers,
  state: Float64Array,
  slopes: Numbers,
  headDim: number,
  blockSize: number,
): Float64Array {
  const numHeads = slopes.length;
  const numTokens = qkv.length / (3 * numHeads * headDim);
  const o = new Float64Array(qkv.length / 3);
  for (let blockStart = 0; blockStart < numTokens; blockStart += blockSize) {
    const size = Math.min(blockSize, numTokens - blockStart);
    for (let head = 0; head < numHeads; head++) {
      const part = (i: number, index: number) => (((blockStart + i - 1) * numHeads + head) * 3 + index) * headDim;
      const stateAt = (row: number) => (head * headDim + row) * headDim;
      for (let i = 1; i <= size; i++) {
        const q = part(i, 0);
        const out = q / 3;
        for (let j = 1; j <= i; j++) {
          const score = Math.exp(-slopes[head] * (i - j)) * dot(qkv, q, qkv, part(j, 1), headDim);
          addScaledRow(o, out, score, qkv, part(j, 2), headDim);
        }
        const decay = Math.exp(-slopes[head] * i);
        for (let row = 0; row < headDim; row++)
          addScaledRow(o, out, decay * qkv[q + row], state, stateAt(row), headDim);
      }
      const decay = Math.exp(-slopes[head] * size);
      for (let at = stateAt(0); at < stateAt(headDim); at++) state[at] *= decay;
      for (let j = 1; j <= size; j++) {
        const keyDecay = Math.exp(-slopes[head] * (size - j));
        for (let row = 0; row < headDim; row++) {
          addScaledRow(state, stateAt(row), keyDecay * qkv[part(j, 1) + row], qkv, part(j, 2), headDim);
        }
      }
    }
  }
  return o;
}
