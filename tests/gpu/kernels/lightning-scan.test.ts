import { describe, expect, it } from "vitest";
import { CHUNK_TOKENS, numChunks } from "../../../src/kernels/chunk-states.ts";
import { createLightningScan } from "../../../src/kernels/lightning-scan.ts";
import { lightningScan } from "../../../src/reference/lightning-block.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  readWritten,
  relativeError,
  run,
  SENTINEL,
  upload,
  uploadCall,
  useSession,
} from "../harness.ts";

const session = useSession();

/** Sums over up to 64 chunks in f32. */
const TOLERANCE = 1e-6;

describe("lightning_scan", () => {
  it.each([
    { numHeads: 1, headDim: 4, numTokens: 1, slopes: [0.3] },
    { numHeads: 3, headDim: 20, numTokens: 37, slopes: [0.9, 0.01, 1e-8] },
    { numHeads: 2, headDim: 64, numTokens: 256, slopes: [0.5, 0.004] },
    { numHeads: 2, headDim: 128, numTokens: 257, slopes: [7e-3, 1e-5] },
    { numHeads: 4, headDim: 12, numTokens: 2048, slopes: [1, 3e-3, 1e-4, 0] },
    { numHeads: 1, headDim: 36, numTokens: 2047, slopes: [0.005] },
  ])("gives $numHeads heads of $headDim the states before and after $numTokens tokens", async (shape) => {
    const { numHeads, headDim, numTokens } = shape;
    const random = createRandom(numTokens + headDim);
    const slopes = Float32Array.from(shape.slopes);
    const stateSize = numHeads * headDim ** 2;
    const length = numChunks(numTokens) * stateSize;
    const before = randomArray(random, stateSize);
    const added = randomArray(random, length);
    // A chunk past the block: it must stay as it is.
    const uploaded = new Float32Array(length + stateSize).fill(SENTINEL);
    uploaded.set(added);
    const state = upload(session(), "state", [numHeads, headDim, headDim], before);
    const chunkStates = upload(
      session(),
      "chunk states",
      [numChunks(numTokens) + 1, numHeads, headDim, headDim],
      uploaded,
    );
    const create = await createLightningScan(session(), { numHeads, headDim });
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      slopes: upload(session(), "slopes", [numHeads], slopes),
      state,
      chunkStates,
    };
    run(session(), [create("lightning_scan", tensors)], numTokens);
    const expectedState = Float64Array.from(before);
    const expected = Float64Array.from(added);
    lightningScan(expected, expectedState, slopes, numTokens, CHUNK_TOKENS);
    expect(relativeError(await readWritten(session(), chunkStates, length), expected)).toBeLessThan(TOLERANCE);
    expect(relativeError(await readFloats(session(), state), expectedState)).toBeLessThan(TOLERANCE);
  });

  it("keeps what slow heads remember of a million tokens", { timeout: 300_000 }, async () => {
    const [numHeads, headDim, numTokens, numBlocks] = [4, 8, 512, 2048];
    // Rounded to f32, their decays of a chunk are off by up to 3e-8, 33,000 times.
    const slopes = Float32Array.from([4e-8, 1.1e-7, 7e-7, 1e-4]);
    const random = createRandom(1);
    const before = randomArray(random, numHeads * headDim ** 2, 100);
    const state = upload(session(), "state", [numHeads, headDim, headDim], before);
    const shape = [numChunks(numTokens), numHeads, headDim, headDim];
    const chunkStates = session().createStorage("chunk states", "activations", shape);
    const create = await createLightningScan(session(), { numHeads, headDim });
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      slopes: upload(session(), "slopes", [numHeads], slopes),
      state,
      chunkStates,
    };
    const dispatch = create("lightning_scan", tensors);
    const expectedState = Float64Array.from(before);
    for (let block = 0; block < numBlocks; block++) {
      const added = randomArray(random, chunkStates.sizeBytes / 4);
      session().device.queue.writeBuffer(chunkStates.buffer, 0, added as Float32Array<ArrayBuffer>);
      run(session(), [dispatch], numTokens);
      lightningScan(Float64Array.from(added), expectedState, slopes, numTokens, CHUNK_TOKENS);
      if (block % 64 === 63) await session().device.queue.onSubmittedWorkDone();
    }
    const actual = await readFloats(session(), state);
    const headSize = headDim ** 2;
    for (let head = 0; head < numHeads; head++) {
      const range = [head * headSize, (head + 1) * headSize] as const;
      const error = relativeError(actual.subarray(...range), expectedState.subarray(...range));
      // 2,048 roundings of half a unit in the last place, in either direction.
      expect(error, `slope ${slopes[head]}`).toBeLessThan(1e-5);
    }
  });
});
