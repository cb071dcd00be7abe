// Residual terms for kernel tests: what a kernel of decode is given, and what it leaves, added up in float64.

import { type ResidualTerms, termRowLength, WHOLE_HIDDEN } from "../../src/kernels/residual-terms.ts";
import { LIGHTNING_NORM_EPS } from "../../src/reference/model.ts";
import { randomArray } from "./harness.ts";

/** The ways in which a kernel of decode gets the residual stream. */
export const RESIDUAL_INPUTS: readonly (readonly [string, ResidualTerms])[] = [
  ["the hidden state", WHOLE_HIDDEN],
  ["experts' terms", { numTerms: 24, scaleSize: 0, alpha: 2.4, beta: 0.7 }],
  ["a lightning layer's terms", { numTerms: 5, scaleSize: 160, alpha: 1.3, beta: 0.9 }],
];

/** Random terms (rows, row length) and the hidden state (hiddenSize) that they add up to. */
export function createTerms(random: () => number, input: ResidualTerms, hiddenSize: number) {
  const isWhole = input.numTerms === 0;
  const shape = [1 + input.numTerms, isWhole ? hiddenSize : termRowLength(hiddenSize)];
  const values = randomArray(random, shape[0]! * shape[1]!, 3).map((value, i) =>
    // Sums of squares are not negative.
    i % shape[1]! >= hiddenSize ? Math.abs(value) * 40 : value,
  );
  const { residual, output } = addTerms(values, input.numTerms, input.scaleSize, hiddenSize);
  const hidden = isWhole ? residual : residual.map((value, i) => input.alpha * value + input.beta * output[i]!);
  return { shape, values, hidden };
}

/** What terms add up to, both (hiddenSize): the residual, and the output of the layer that left them. */
export function addTerms(terms: Float32Array, numTerms: number, scaleSize: number, hiddenSize: number) {
  const rowLength = termRowLength(hiddenSize);
  const output = new Float64Array(hiddenSize);
  let squares = 0;
  for (let term = 1; term <= numTerms; term++) {
    const row = terms.subarray(term * rowLength, (term + 1) * rowLength);
    for (let i = 0; i < hiddenSize; i++) output[i]! += row[i]!;
    squares += row[hiddenSize]!;
  }
  const scale = scaleSize === 0 ? 1 : 1 / Math.sqrt(squares / scaleSize + LIGHTNING_NORM_EPS);
  return { residual: Float64Array.from(terms.subarray(0, hiddenSize)), output: output.map((value) => scale * value) };
}

/** The last row of terms: the hidden state that their kernel read. */
export function hiddenOf(terms: Float32Array, hiddenSize: number): Float32Array {
  const start = terms.length - termRowLength(hiddenSize);
  return terms.subarray(start, start + hiddenSize);
}
