import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createTokenLoss } from "../../../src/kernels/token-loss.ts";
import { tokenLoss } from "../../../src/reference/kernels/token-loss.ts";
import {
  createOutput,
  createRandom,
  randomArray,
  readWritten,
  relativeError,
  run,
  upload,
  uploadCall,
  uploadStep,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();

interface Shape {
  readonly numTokens: number;
  readonly hiddenSize: number;
  /** Rows of each range of the head. */
  readonly ranges: readonly number[];
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("token_loss with a %s head", (format) => {
  it.each<Shape>([
    { numTokens: 1, hiddenSize: 32, ranges: [3] },
    { numTokens: 37, hiddenSize: 96, ranges: [313] },
    { numTokens: 37, hiddenSize: 96, ranges: [113, 200] },
    { numTokens: 50, hiddenSize: 384, ranges: [300, 7, 600] },
  ])(
    "gives the terms of ($numTokens, $hiddenSize) over ranges of $ranges ids",
    async ({ numTokens, hiddenSize, ranges }) => {
      const vocabSize = ranges.reduce((sum, size) => sum + size, 0);
      const random = createRandom(numTokens + vocabSize);
      const normedValues = randomArray(random, numTokens * hiddenSize);
      const starts = ranges.map((_, range) => ranges.slice(0, range).reduce((sum, size) => sum + size, 0));
      // Both ends of every range, then ids from all over.
      const successors = [...starts, ...starts.map((start, range) => start + ranges[range]! - 1)];
      while (successors.length < numTokens) successors.push((successors.length * 53) % vocabSize);
      successors.length = numTokens;

      const call = uploadCall(session(), { numTokens });
      const step = uploadStep(session(), 0, [0, ...successors]);
      const normed = upload(session(), "normed", [numTokens + 3, hiddenSize], normedValues);
      const stats = createOutput(session(), "stats", [numTokens + 3, 4]);
      const head = new Float32Array(vocabSize * hiddenSize);
      const dispatches = [];
      for (const [range, numRows] of ranges.entries()) {
        // Logits of up to some 20, the first range's lower.
        const rows = randomArray(random, numRows * hiddenSize, range === 0 ? 1 : 2);
        const weights = uploadWeights(session(), "lm_head", format, numRows, hiddenSize, rows);
        head.set(weights.values, starts[range]! * hiddenSize);
        const create = await createTokenLoss(session(), { format, hiddenSize, firstRow: starts[range]!, numRows });
        dispatches.push(create("token_loss", { call, step, normed, weights: weights.matrix, stats }));
      }
      run(session(), dispatches, numTokens + 3);

      const actual = await readWritten(session(), stats, numTokens * 4);
      const component = (index: number) => actual.filter((_, i) => i % 4 === index);
      const expected = tokenLoss(normedValues, head, vocabSize, successors);
      // Sums of up to 384 products in f32, some 1e-7 of the largest; an error of a logit, at most about 1e-5, is one of its
      // exponential.
      expect(
        relativeError(
          component(0),
          expected.map(({ largest }) => largest),
        ),
      ).toBeLessThan(2e-6);
      expect(
        relativeError(
          component(1),
          expected.map(({ sum }) => sum),
        ),
      ).toBeLessThan(2e-5);
      expect(
        relativeError(
          component(2),
          expected.map(({ successorLogit }) => successorLogit),
        ),
      ).toBeLessThan(2e-6);
      const lossOf = (largest: number, sum: number, successorLogit: number) => Math.log(sum) + largest - successorLogit;
      const losses = expected.map((_, token) =>
        lossOf(actual[4 * token]!, actual[4 * token + 1]!, actual[4 * token + 2]!),
      );
      expect(
        relativeError(
          losses,
          expected.map((terms) => lossOf(terms.largest, terms.sum, terms.successorLogit)),
        ),
      ).toBeLessThan(5e-6);
    },
  );
});
