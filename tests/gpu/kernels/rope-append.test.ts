import { describe, expect, it } from "vitest";
import type { KvFormat } from "../../../src/kernels/kv-format.ts";
import { createRopeAppend } from "../../../src/kernels/rope-append.ts";
import { createRopeTable, ROPE_ROWS, type RopeParameters } from "../../../src/kernels/rope-table.ts";
import { createSegment } from "../../../src/kernels/segment.ts";
import { ropeAppend } from "../../../src/reference/kernels/rope-append.ts";
import { inverseFrequencies } from "../../../src/reference/model.ts";
import {
  createOutput,
  createRandom,
  randomArray,
  readFloats,
  relativeError,
  run,
  SENTINEL,
  upload,
  uploadCall,
  uploadStep,
  useSession,
} from "../harness.ts";
import { readCache, roundToKv, uploadCache } from "../kv-cache.ts";

const session = useSession();

interface Shape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly position: number;
  readonly numTokens: number;
  /** Position of the first slot, and slots of each segment. */
  readonly segments: readonly (readonly [start: number, length: number])[];
  readonly kvFormat: KvFormat;
}

function uploadRopeTable(parameters: RopeParameters) {
  return upload(session(), "rope table", [2, ROPE_ROWS, parameters.headDim / 2, 2], createRopeTable(parameters));
}

describe("rope_append", () => {
  it.each<Shape>([
    { numHeads: 1, numKvHeads: 1, headDim: 16, position: 0, numTokens: 1, segments: [[0, 1]], kvFormat: "f32" },
    { numHeads: 3, numKvHeads: 1, headDim: 24, position: 19, numTokens: 37, segments: [[0, 64]], kvFormat: "f32" },
    {
      numHeads: 6,
      numKvHeads: 2,
      headDim: 64,
      position: 250,
      numTokens: 100,
      segments: [
        [0, 300],
        [300, 500],
      ],
      kvFormat: "f32",
    },
    {
      numHeads: 4,
      numKvHeads: 4,
      headDim: 128,
      position: 2030,
      numTokens: 37,
      segments: [
        [2000, 40],
        [2040, 9],
        [2049, 100],
      ],
      kvFormat: "f32",
    },
    { numHeads: 5, numKvHeads: 1, headDim: 36, position: 2047, numTokens: 9, segments: [[2040, 20]], kvFormat: "f16" },
    {
      numHeads: 6,
      numKvHeads: 2,
      headDim: 64,
      position: 250,
      numTokens: 100,
      segments: [
        [0, 300],
        [300, 500],
      ],
      kvFormat: "f16",
    },
    { numHeads: 5, numKvHeads: 1, headDim: 36, position: 2047, numTokens: 9, segments: [[2040, 20]], kvFormat: "i8" },
    {
      numHeads: 4,
      numKvHeads: 2,
      headDim: 128,
      position: 250,
      numTokens: 70,
      segments: [
        [0, 300],
        [300, 500],
      ],
      kvFormat: "i8",
    },
    // One segment lies wholly before the block, another wholly behind it.
    {
      numHeads: 2,
      numKvHeads: 1,
      headDim: 20,
      position: 32,
      numTokens: 16,
      segments: [
        [0, 32],
        [32, 16],
        [48, 16],
      ],
      kvFormat: "f32",
    },
  ])("appends $numTokens tokens at $position to segments of $segments $kvFormat", async (shape) => {
    const { position, numTokens, numHeads, numKvHeads, headDim, segments, kvFormat } = shape;
    const heads = { numHeads, numKvHeads, headDim, kvFormat };
    const ropeParameters = { headDim, ropeTheta: 1e4, rotaryFrequencies: Math.floor(headDim / 3) };
    const rowSize = (numHeads + 2 * numKvHeads) * headDim;
    const qkvValues = randomArray(createRandom(numTokens), numTokens * rowSize);
    const create = await createRopeAppend(session(), heads);
    const shared = {
      call: uploadCall(session(), { numTokens }),
      step: uploadStep(session(), position, [0]),
      // Tokens past the block hold numbers too: they must not be appended.
      qkv: upload(session(), "qkv", [numTokens + 3, rowSize], new Float32Array((numTokens + 3) * rowSize).fill(7)),
      ropeTable: uploadRopeTable(ropeParameters),
    };
    session().device.queue.writeBuffer(shared.qkv.buffer, 0, qkvValues as Float32Array<ArrayBuffer>);
    const rotated = Float64Array.from(qkvValues);
    const unwritten = roundToKv(heads, new Float32Array(headDim).fill(SENTINEL))[0]!;
    const caches = segments.map(([, length], index) => {
      const slots = new Float32Array(length * 2 * numKvHeads * headDim).fill(unwritten);
      return uploadCache(session(), `segment ${index}`, heads, slots);
    });
    const dispatches = segments.map(([start, length], index) => {
      const segment = createSegment(session(), `segment ${index}`, { start, length, index });
      return create("rope_append", { ...shared, segment, cache: caches[index]! });
    });
    run(session(), dispatches, numTokens + 3);
    for (const [index, [start, length]] of segments.entries()) {
      const actual = await readCache(session(), caches[index]!, heads);
      const expected = new Float64Array(length * 2 * numKvHeads * headDim).fill(unwritten);
      const own = ropeAppend(expected, start, qkvValues, position, shape, inverseFrequencies(ropeParameters));
      for (const [i, value] of own.entries()) if (value !== qkvValues[i]) rotated[i] = value;
      const strayed = expected.findIndex((value, i) => (value === unwritten) !== (actual[i] === unwritten));
      expect(strayed, "first element written or left against expectation").toBe(-1);
      // Two products with cosines and sines that are exact to 1e-6; an f16 has 11 bits, an i8 half a step of 254 in all.
      const isWritten = (value: number) => value !== unwritten;
      const tolerance = { f32: 2e-6, f16: 2 ** -11, i8: 1 / 253 }[kvFormat];
      expect(relativeError(actual.filter(isWritten), expected.filter(isWritten))).toBeLessThan(tolerance);
    }
    const actual = await readFloats(session(), shared.qkv);
    expect(relativeError(actual.subarray(0, rotated.length), rotated)).toBeLessThan(2e-6);
    expect(actual.subarray(rotated.length).every((value) => value === 7)).toBe(true);
  });
});

describe("rotation", () => {
  const positions = [0, 1, 2047, 2048, 123456, 2 ** 21 + 1, 2 ** 22 - 1];

  it.each([
    { ropeTheta: 1e4, headDim: 64, rotaryFrequencies: 32 },
    { ropeTheta: 1e14, headDim: 128, rotaryFrequencies: 64 },
    { ropeTheta: 1e14, headDim: 64, rotaryFrequencies: 16 },
    { ropeTheta: 1e7, headDim: 24, rotaryFrequencies: 5 },
  ])("is exact to 1e-6 with theta $ropeTheta, $rotaryFrequencies channels of $headDim", async (parameters) => {
    const { headDim, ropeTheta, rotaryFrequencies } = parameters;
    const half = headDim / 2;
    const create = await createRopeAppend(session(), { numHeads: 1, numKvHeads: 1, headDim, kvFormat: "f32" });
    const ropeTable = uploadRopeTable(parameters);
    // The key (1, 0) of every channel pair turns into (cos, sin).
    const row = Float32Array.from({ length: 3 * headDim }, (_, i) => (i >= headDim && i < headDim + half ? 1 : 0));
    for (const position of positions) {
      const cache = createOutput(session(), "cache", [4, 2, 1, headDim]);
      const start = Math.max(0, position - 2);
      const tensors = {
        call: uploadCall(session(), { numTokens: 1 }),
        segment: createSegment(session(), "segment", { start, length: 4, index: 0 }),
        step: uploadStep(session(), position, [0]),
        qkv: upload(session(), "qkv", [1, 3 * headDim], row),
        ropeTable,
        cache,
      };
      run(session(), [create("rope_append", tensors)], 1);
      const key = (await readFloats(session(), cache)).subarray((position - start) * 2 * headDim).subarray(0, headDim);
      for (let channel = 0; channel < half; channel++) {
        const angle = channel < rotaryFrequencies ? position * ropeTheta ** ((-2 * channel) / headDim) : 0;
        expect(Math.abs(key[channel]! - Math.cos(angle)), `cos at ${position}, channel ${channel}`).toBeLessThan(1e-6);
        expect(Math.abs(key[half + channel]! - Math.sin(angle)), `sin at ${position}, channel ${channel}`).toBeLessThan(
          1e-6,
        );
      }
    }
  });
});
