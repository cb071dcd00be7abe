import { describe, expect, it } from "vitest";
import { CHUNK_TOKENS, numChunks } from "../../../src/kernels/chunk-states.ts";
import { createLightningOutput } from "../../../src/kernels/lightning-output.ts";
import { lightningOutput } from "../../../src/reference/lightning-block.ts";
import {
  createOutput,
  createRandom,
  randomArray,
  readWritten,
  relativeError,
  run,
  upload,
  uploadCall,
  useSession,
} from "../harness.ts";

const session = useSession();

/** Sums over up to 32 tokens and 128 channels, twice, in f32. */
const TOLERANCE = 2e-6;

describe("lightning_output", () => {
  it.each([
    { numHeads: 1, headDim: 4, numTokens: 1, slopes: [0.3] },
    { numHeads: 3, headDim: 20, numTokens: 37, slopes: [0.9, 0.01, 1e-8] },
    { numHeads: 2, headDim: 64, numTokens: 64, slopes: [0.5, 0.004] },
    { numHeads: 5, headDim: 36, numTokens: 97, slopes: [0.5, 0.2, 0.1, 0.05, 0] },
    { numHeads: 2, headDim: 128, numTokens: 130, slopes: [0.6, 1e-3] },
    { numHeads: 1, headDim: 100, numTokens: 31, slopes: [0.1] },
    { numHeads: 2, headDim: 68, numTokens: 17, slopes: [0.2, 0.02] },
  ])("attends $numTokens tokens with $numHeads heads of $headDim from the states before them", async (shape) => {
    const { numHeads, headDim, numTokens } = shape;
    const random = createRandom(numTokens * headDim);
    const rowSize = numHeads * 3 * headDim;
    const stateSize = numHeads * headDim ** 2;
    const slopes = Float32Array.from(shape.slopes);
    const values = randomArray(random, numTokens * rowSize);
    const states = randomArray(random, numChunks(numTokens) * stateSize);
    // Tokens and chunks past the block hold numbers too: they must change nothing.
    const numRows = numTokens + CHUNK_TOKENS;
    const rows = new Float32Array(numRows * rowSize).fill(7);
    rows.set(values);
    const uploadedStates = new Float32Array(numChunks(numRows) * stateSize).fill(7);
    uploadedStates.set(states);
    const attentionOutput = createOutput(session(), "attention output", [numRows, numHeads * headDim]);
    const create = await createLightningOutput(session(), { numHeads, headDim });
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      qkv: upload(session(), "qkv", [numRows, rowSize], rows),
      slopes: upload(session(), "slopes", [numHeads], slopes),
      chunkStates: upload(session(), "chunk states", [numChunks(numRows), numHeads, headDim, headDim], uploadedStates),
      attentionOutput,
    };
    run(session(), [create("lightning_output", tensors)], numTokens);
    const actual = await readWritten(session(), attentionOutput, numTokens * numHeads * headDim);
    const expected = lightningOutput(values, states, slopes, headDim, CHUNK_TOKENS);
    expect(relativeError(actual, expected)).toBeLessThan(TOLERANCE);
  });
});
