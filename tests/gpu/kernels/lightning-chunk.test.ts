import { describe, expect, it } from "vitest";
import { CHUNK_TOKENS, numChunks } from "../../../src/kernels/chunk-states.ts";
import { createLightningChunk } from "../../../src/kernels/lightning-chunk.ts";
import { lightningChunk } from "../../../src/reference/lightning-block.ts";
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

/** Sums over up to 32 tokens in f32. */
const TOLERANCE = 1e-6;

describe("lightning_chunk", () => {
  it.each([
    { numHeads: 1, headDim: 4, numTokens: 1, slopes: [0.3] },
    { numHeads: 3, headDim: 20, numTokens: 37, slopes: [0.9, 0.01, 1e-8] },
    { numHeads: 2, headDim: 64, numTokens: 64, slopes: [0.5, 0.004] },
    { numHeads: 5, headDim: 36, numTokens: 97, slopes: [0.5, 0.2, 0.1, 0.05, 0] },
    { numHeads: 2, headDim: 128, numTokens: 130, slopes: [0.6, 1e-3] },
    { numHeads: 1, headDim: 100, numTokens: 31, slopes: [0.1] },
  ])("sums what chunks of $numTokens tokens add to $numHeads heads of $headDim", async (shape) => {
    const { numHeads, headDim, numTokens } = shape;
    const random = createRandom(numTokens * headDim);
    const rowSize = numHeads * 3 * headDim;
    const slopes = Float32Array.from(shape.slopes);
    const values = randomArray(random, numTokens * rowSize);
    // Tokens past the block hold numbers too: they must change nothing.
    const rows = new Float32Array((numTokens + CHUNK_TOKENS) * rowSize).fill(7);
    rows.set(values);
    const numRows = numTokens + CHUNK_TOKENS;
    const chunkStates = createOutput(session(), "chunk states", [numChunks(numRows), numHeads, headDim, headDim]);
    const create = await createLightningChunk(session(), { numHeads, headDim });
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      qkv: upload(session(), "qkv", [numRows, rowSize], rows),
      slopes: upload(session(), "slopes", [numHeads], slopes),
      chunkStates,
    };
    run(session(), [create("lightning_chunk", tensors)], numTokens);
    const actual = await readWritten(session(), chunkStates, numChunks(numTokens) * numHeads * headDim ** 2);
    expect(relativeError(actual, lightningChunk(values, slopes, headDim, CHUNK_TOKENS))).toBeLessThan(TOLERANCE);
  });

  it("refuses chunk states for another number of tokens", async () => {
    const create = await createLightningChunk(session(), { numHeads: 1, headDim: 16 });
    const tensors = {
      call: uploadCall(session(), {}),
      qkv: createOutput(session(), "qkv", [CHUNK_TOKENS + 1, 48]),
      slopes: createOutput(session(), "slopes", [1]),
      chunkStates: createOutput(session(), "chunk states", [1, 1, 16, 16]),
    };
    expect(() => create("lightning_chunk", tensors)).toThrow(
      "chunk states: expected shape (2, 1, 16, 16), got (1, 1, 16, 16)",
    );
  });
});
