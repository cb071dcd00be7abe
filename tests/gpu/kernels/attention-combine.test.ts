import { describe, expect, it } from "vitest";
import { createAttentionCombine } from "../../../src/kernels/attention-combine.ts";
import { attentionCombine } from "../../../src/reference/kernels/attention-combine.ts";
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
  useSession,
} from "../harness.ts";

const session = useSession();

describe("attention_combine", () => {
  it.each([
    { numHeads: 1, numKvHeads: 1, headDim: 4, position: 0, numTokens: 1, numSplits: 1 },
    // Keys for one split more than 256 each would make.
    { numHeads: 6, numKvHeads: 2, headDim: 64, position: 511, numTokens: 2, numSplits: 3 },
    { numHeads: 5, numKvHeads: 1, headDim: 20, position: 1000, numTokens: 37, numSplits: 5 },
    { numHeads: 4, numKvHeads: 4, headDim: 128, position: 20_000, numTokens: 7, numSplits: 79 },
    // 3 tiles of rows and 20 workgroups: 6 splits at most.
    { numHeads: 6, numKvHeads: 1, headDim: 32, position: 5000, numTokens: 30, maxWorkgroups: 20, numSplits: 6 },
  ])("combines $numSplits splits for $numTokens tokens at $position of $numHeads heads of $headDim", async (shape) => {
    const { numHeads, numKvHeads, headDim, position, numTokens, maxWorkgroups = 768, numSplits } = shape;
    const random = createRandom(position + headDim);
    const numRows = numSplits * numTokens * numHeads;
    const sums = randomArray(random, numRows * headDim, 3);
    const stats = randomArray(random, numRows * 2, 5).map((value, i) => (i % 2 === 0 ? value : 1 + Math.abs(value)));
    // A split of which the block's first token sees no key, as attention_block leaves it.
    for (let row = numRows - numTokens * numHeads; numSplits > 1 && row < numRows - (numTokens - 1) * numHeads; row++) {
      stats.set([-1e30, 17], 2 * row);
    }
    const attentionOutput = createOutput(session(), "attention output", [numTokens + 3, numHeads * headDim]);
    const create = await createAttentionCombine(session(), { numHeads, numKvHeads, headDim, maxWorkgroups });
    const dispatch = create("attention_combine", {
      call: uploadCall(session(), { numTokens }),
      step: uploadStep(session(), position, [0]),
      stats: upload(session(), "stats", [numRows, 2], stats),
      partials: upload(session(), "partials", [numRows, headDim], sums),
      attentionOutput,
    });
    run(session(), [dispatch], numTokens + 3);
    const actual = await readWritten(session(), attentionOutput, numTokens * numHeads * headDim);
    const heads = { numHeads, numKvHeads, headDim };
    // f32 sums over up to 79 splits.
    expect(relativeError(actual, attentionCombine(stats, sums, numTokens, heads, numSplits))).toBeLessThan(2e-6);
  });
});
