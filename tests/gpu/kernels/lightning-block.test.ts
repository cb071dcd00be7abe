// lightning_chunk, lightning_scan and lightning_output one after another: what prefill runs for a lightning layer.

import { describe, expect, it } from "vitest";
import { numChunks } from "../../../src/kernels/chunk-states.ts";
import { createLightningChunk } from "../../../src/kernels/lightning-chunk.ts";
import { createLightningOutput } from "../../../src/kernels/lightning-output.ts";
import { createLightningScan } from "../../../src/kernels/lightning-scan.ts";
import { lightningBlock } from "../../../src/reference/lightning-block.ts";
import { lightningRecurrent, slope } from "../../../src/reference/model.ts";
import {
  createOutput,
  createRandom,
  randomArray,
  readFloats,
  readWritten,
  relativeError,
  run,
  upload,
  uploadCall,
  useSession,
} from "../harness.ts";

const session = useSession();

/** Sums over up to 32 tokens and 128 channels in f32: some 1e-6 of the largest. */
const TOLERANCE = 3e-6;
/** The state is rounded in every block. */
const TOLERANCE_PER_BLOCK = 6e-8;
const NUM_LAYERS = 8;

interface Shape {
  readonly numHeads: number;
  readonly headDim: number;
  /** From 0; the last layer's states hardly decay. */
  readonly layer: number;
  /** Tokens of each block. */
  readonly blocks: readonly number[];
}

/** Runs the three kernels over the blocks and compares outputs and final state with the recurrent reference. */
async function expectRecurrent({ numHeads, headDim, layer, blocks }: Shape): Promise<void> {
  const numTokens = blocks.reduce((sum, size) => sum + size, 0);
  const random = createRandom(numTokens * headDim + layer);
  const slopes = Float32Array.from({ length: numHeads }, (_, head) => slope(head, layer, numHeads, NUM_LAYERS));
  const before = randomArray(random, numHeads * headDim * headDim);
  const qkvValues = randomArray(random, numTokens * numHeads * 3 * headDim);

  const state = upload(session(), "state", [numHeads, headDim, headDim], before);
  const createChunk = await createLightningChunk(session(), { numHeads, headDim });
  const createScan = await createLightningScan(session(), { numHeads, headDim });
  const createOutputs = await createLightningOutput(session(), { numHeads, headDim });
  const slopesTensor = upload(session(), "slopes", [numHeads], slopes);
  const actual: number[] = [];
  let first = 0;
  for (const size of blocks) {
    const rowSize = numHeads * 3 * headDim;
    // A token past the block holds numbers too: they must change nothing.
    const rows = new Float32Array((size + 1) * rowSize).fill(7);
    rows.set(qkvValues.subarray(first * rowSize, (first + size) * rowSize));
    const attentionOutput = createOutput(session(), "attention output", [size + 1, numHeads * headDim]);
    const tensors = {
      call: uploadCall(session(), { numTokens: size }),
      qkv: upload(session(), "qkv", [size + 1, rowSize], rows),
      slopes: slopesTensor,
      state,
      chunkStates: createOutput(session(), "chunk states", [numChunks(size + 1), numHeads, headDim, headDim]),
      attentionOutput,
    };
    const dispatches = [
      createChunk("lightning_chunk", tensors),
      createScan("lightning_scan", tensors),
      createOutputs("lightning_output", tensors),
    ];
    run(session(), dispatches, size);
    actual.push(...(await readWritten(session(), attentionOutput, size * numHeads * headDim)));
    first += size;
  }

  const expectedState = Float64Array.from(before);
  const expected = lightningRecurrent(qkvValues, expectedState, slopes, headDim);
  const tolerance = TOLERANCE + TOLERANCE_PER_BLOCK * blocks.length;
  expect(relativeError(actual, expected)).toBeLessThan(tolerance);
  expect(relativeError(await readFloats(session(), state), expectedState)).toBeLessThan(tolerance);
}

describe("lightning attention over blocks", () => {
  it.each<Shape>([
    { numHeads: 1, headDim: 16, layer: 0, blocks: [1] },
    { numHeads: 3, headDim: 24, layer: 3, blocks: [37] },
    { numHeads: 6, headDim: 64, layer: 1, blocks: [100] },
    { numHeads: 2, headDim: 128, layer: 7, blocks: [130] },
    { numHeads: 4, headDim: 20, layer: 7, blocks: [64] },
    { numHeads: 2, headDim: 64, layer: 7, blocks: [512, 300] },
  ])("continues $numHeads heads of $headDim from a state, in blocks of $blocks", expectRecurrent);

  const splits = [
    { blocks: [130] },
    { blocks: [32, 32, 32, 32, 2] },
    { blocks: [31, 33, 1, 65] },
    { blocks: [64, 64, 2] },
    { blocks: [7, 96, 27] },
    { blocks: Array.from({ length: 130 }, () => 1) },
  ];
  it.each(splits)("agrees with 130 recurrent steps in blocks of $blocks", async ({ blocks }) => {
    await expectRecurrent({ numHeads: 3, headDim: 16, layer: 0, blocks });
    await expectRecurrent({ numHeads: 1, headDim: 128, layer: 2, blocks });
  });

  it("has a block-form reference that is the recurrent one", () => {
    const random = createRandom(5);
    const [numTokens, numHeads, headDim] = [70, 3, 8];
    const slopes = [0.7, 0.1, 1e-5];
    const qkv = randomArray(random, numTokens * numHeads * 3 * headDim);
    const before = randomArray(random, numHeads * headDim * headDim);
    const [recurrentState, blockState] = [Float64Array.from(before), Float64Array.from(before)];
    const recurrent = lightningRecurrent(qkv, recurrentState, slopes, headDim);
    expect(relativeError(lightningBlock(qkv, blockState, slopes, headDim, 32), recurrent)).toBeLessThan(1e-12);
    expect(relativeError(blockState, recurrentState)).toBeLessThan(1e-12);
  });
});
