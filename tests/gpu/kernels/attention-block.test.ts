import { describe, expect, it } from "vitest";
import type { Dispatch } from "../../../src/gpu/kernel.ts";
import { createAttentionBlock } from "../../../src/kernels/attention-block.ts";
import { createAttentionCombine } from "../../../src/kernels/attention-combine.ts";
import type { KeyWindow } from "../../../src/kernels/key-window.ts";
import type { KvFormat } from "../../../src/kernels/kv-format.ts";
import { createRopeAppend } from "../../../src/kernels/rope-append.ts";
import { createRopeTable, ROPE_ROWS } from "../../../src/kernels/rope-table.ts";
import { createSegment } from "../../../src/kernels/segment.ts";
import { maxSplitRows, splitGrid } from "../../../src/kernels/splits.ts";
import { attentionBlock } from "../../../src/reference/kernels/attention-block.ts";
import { qkvParts } from "../../../src/reference/kernels/qkv-parts.ts";
import { ropeAppend } from "../../../src/reference/kernels/rope-append.ts";
import { inverseFrequencies, softmaxAttention } from "../../../src/reference/model.ts";
import {
  createOutput,
  createRandom,
  randomArray,
  readFloats,
  readWritten,
  relativeError,
  run,
  SENTINEL,
  upload,
  uploadCall,
  uploadStep,
  useSession,
} from "../harness.ts";
import { roundToKv, uploadCache } from "../kv-cache.ts";

const session = useSession();

/** Two f32 sums, over channels and over keys; an error of a score is one of its weight. */
const TOLERANCE = 5e-6;

interface Shape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly position: number;
  readonly numTokens: number;
  /** Slots of each segment. */
  readonly segments: readonly number[];
  readonly kvFormat: KvFormat;
}

const maxWorkgroups = 768; // As on a large GPU, so that keys are split here too.
/** As the shader splits: 256 keys at least, whole tiles of 32, in each segment anew. */
function splitsOf({ numHeads, numKvHeads, position, numTokens, segments }: Shape) {
  const numKeys = position + numTokens;
  const numTiles = numKvHeads * Math.ceil((numTokens * numHeads) / numKvHeads / 64);
  const maxSplits = Math.max(1, Math.floor(maxWorkgroups / numTiles));
  const starts = segments.map((_, index) => segments.slice(0, index).reduce((sum, length) => sum + length, 0));
  const splitOf = (key: number): number => {
    const index = starts.findLastIndex((start) => start <= key);
    const numSeen = Math.min(segments[index]!, numKeys - starts[index]!);
    const length = Math.ceil(Math.max(256, Math.ceil(numSeen / maxSplits)) / 32) * 32;
    return Math.floor((key - starts[index]!) / length);
  };
  return { numSplits: Math.min(maxSplits, Math.ceil(numKeys / 256)), splitOf };
}

/** With workgroups past the block's last row. */
function withSurplus(dispatch: Dispatch): Dispatch {
  const workgroups = (numTokens: number) => {
    const [x, y, z] = dispatch.workgroups(numTokens);
    return [x + 1, y, z] as const;
  };
  return { ...dispatch, workgroups };
}

/** Uploads a block, dispatches over all segments and combines.
 * @param known what the cache holds beforehand, (any number of tokens, 2, num_kv_heads, head_dim)
 * @param keyWindow constant memory mode: the segments are the first keys and the ring
 * @param ropeTheta the block's own queries and keys are rotated and appended first, if given */
async function runAttention(
  shape: Shape,
  qkvValues: Float32Array,
  known: Float32Array,
  ropeTheta?: number,
  keyWindow?: KeyWindow,
) {
  const { numHeads, numKvHeads, headDim, position, numTokens, segments, kvFormat } = shape;
  const slotSize = 2 * numKvHeads * headDim;
  const numRows = maxSplitRows({ ...shape, maxWorkgroups }, numTokens);
  const stats = createOutput(session(), "stats", [numRows, 2]);
  const partials = createOutput(session(), "partials", [numRows, headDim]);
  const attentionOutput = createOutput(session(), "attention output", [numTokens + 3, numHeads * headDim]);
  const shared = {
    call: uploadCall(session(), { numTokens, numSegments: segments.length }),
    step: uploadStep(session(), position, [0]),
    qkv: upload(session(), "qkv", [numTokens, (numHeads + 2 * numKvHeads) * headDim], qkvValues),
    stats,
    partials,
  };
  const heads = { numHeads, numKvHeads, headDim, kvFormat, maxWorkgroups, keyWindow };
  const createAttention = await createAttentionBlock(session(), heads);
  const createCombine = await createAttentionCombine(session(), heads);
  let start = 0;
  const perSegment = segments
    .filter((length) => length > 0)
    .map((length, index, { length: numSegments }) => {
      const segment = createSegment(session(), `segment ${index}`, { start, length, index });
      // Slots that hold no token yet hold large numbers: reading one would show.
      const slots = new Float32Array(length * slotSize).fill(1000);
      const isRing = keyWindow !== undefined && index === numSegments - 1;
      const end = Math.min(isRing ? Infinity : start + length, known.length / slotSize);
      for (let token = start; token < end; token++) {
        const slot = (token - start) % length;
        slots.set(known.subarray(token * slotSize, (token + 1) * slotSize), slot * slotSize);
      }
      start += length;
      return { segment, cache: uploadCache(session(), `segment ${index}`, heads, slots) };
    });
  const dispatches = [
    ...perSegment.map((own) => createAttention("attention_block", { ...shared, ...own })),
    createCombine("attention_combine", { ...shared, attentionOutput }),
  ].map(withSurplus);
  if (ropeTheta !== undefined) {
    const values = createRopeTable({ headDim, ropeTheta, rotaryFrequencies: headDim / 2 });
    const ropeTable = upload(session(), "rope table", [2, ROPE_ROWS, headDim / 2, 2], values);
    const createAppend = await createRopeAppend(session(), heads);
    dispatches.unshift(...perSegment.map((own) => createAppend("rope_append", { ...shared, ...own, ropeTable })));
  }
  run(session(), dispatches, numTokens);
  return {
    stats: await readFloats(session(), stats),
    partials: await readFloats(session(), partials),
    output: await readWritten(session(), attentionOutput, numTokens * numHeads * headDim),
  };
}

/** What the reference model gives for rotated queries over the whole cache. */
function expectedOutput(
  { numHeads, numKvHeads, headDim, position }: Shape,
  qkv: ArrayLike<number>,
  cache: Float32Array,
  keyWindow?: KeyWindow,
) {
  const heads = { numHeads, numKvHeads, headDim };
  const width = numKvHeads * headDim;
  const part = (index: number) => cache.filter((_, i) => Math.floor(i / width) % 2 === index);
  return softmaxAttention(
    qkvParts(qkv, heads).query,
    part(0),
    part(1),
    position,
    numHeads,
    numKvHeads,
    headDim,
    keyWindow,
  );
}

const shapes = [
  { numHeads: 1, numKvHeads: 1, headDim: 16, position: 0, numTokens: 1, segments: [1] },
  { numHeads: 1, numKvHeads: 1, headDim: 4, position: 3, numTokens: 9, segments: [40] },
  { numHeads: 3, numKvHeads: 1, headDim: 24, position: 0, numTokens: 37, segments: [64] },
  // Segments end inside the first and the second tile of keys.
  { numHeads: 3, numKvHeads: 1, headDim: 24, position: 19, numTokens: 37, segments: [24, 16, 40] },
  { numHeads: 6, numKvHeads: 2, headDim: 64, position: 50, numTokens: 100, segments: [150] },
  { numHeads: 4, numKvHeads: 2, headDim: 24, position: 5, numTokens: 37, segments: [12, 60] },
  { numHeads: 6, numKvHeads: 1, headDim: 16, position: 33, numTokens: 40, segments: [17, 17, 64] },
  { numHeads: 10, numKvHeads: 2, headDim: 36, position: 41, numTokens: 7, segments: [30, 30] },
  { numHeads: 2, numKvHeads: 2, headDim: 128, position: 0, numTokens: 20, segments: [9, 100] },
  { numHeads: 7, numKvHeads: 1, headDim: 100, position: 45, numTokens: 21, segments: [66] },
  { numHeads: 2, numKvHeads: 1, headDim: 68, position: 31, numTokens: 33, segments: [64] },
  // The last segment begins right after the block.
  { numHeads: 3, numKvHeads: 3, headDim: 20, position: 32, numTokens: 16, segments: [32, 16, 16] },
  // Several splits, of different lengths in different segments; a block's tokens lie in two splits.
  { numHeads: 6, numKvHeads: 2, headDim: 64, position: 1021, numTokens: 1, segments: [1100] },
  { numHeads: 6, numKvHeads: 2, headDim: 64, position: 1021, numTokens: 7, segments: [300, 5, 800] },
  { numHeads: 5, numKvHeads: 1, headDim: 32, position: 700, numTokens: 90, segments: [256, 300, 300] },
  { numHeads: 5, numKvHeads: 1, headDim: 32, position: 900, numTokens: 90, segments: [10, 900, 300] },
  // More tokens than a tile has rows, over many splits.
  { numHeads: 6, numKvHeads: 2, headDim: 64, position: 3000, numTokens: 70, segments: [2048, 2048] },
].map((shape): Shape => ({ ...shape, kvFormat: "f32" }));

/** Keys and values in fewer bits, of even and odd numbers of them in a row. */
const smallerShapes = shapes
  .filter(({ headDim, segments }) => headDim === 36 || headDim === 128 || segments.length === 3)
  .flatMap((shape): Shape[] => [
    { ...shape, kvFormat: "f16" },
    { ...shape, kvFormat: "i8" },
  ]);

describe("attention_block", () => {
  it.each([...shapes, ...smallerShapes])(
    "attends with $numTokens queries at $position, $numHeads heads of $headDim over $numKvHeads, to segments of $segments $kvFormat",
    async (shape) => {
      const { numHeads, numKvHeads, headDim, position, numTokens } = shape;
      const random = createRandom(position + numTokens + headDim);
      // Scores of several units: a masked, lost or doubled key changes the first digits.
      const qkv = randomArray(random, numTokens * (numHeads + 2 * numKvHeads) * headDim, 5);
      const cache = roundToKv(shape, randomArray(random, (position + numTokens) * 2 * numKvHeads * headDim));
      const actual = await runAttention(shape, qkv, cache);
      const { numSplits, splitOf } = splitsOf(shape);
      const expected = attentionBlock(qkv, cache, position, shape, numSplits, splitOf);
      // A split of which a token sees no key weighs nothing.
      for (let row = 0; row < expected.stats.length / 2; row++) {
        if (expected.stats[2 * row + 1] !== 0) continue;
        expect(actual.stats[2 * row]).toBe(Math.fround(-1e30));
        actual.stats.fill(0, 2 * row, 2 * row + 2);
        actual.partials.fill(0, row * headDim, (row + 1) * headDim);
      }
      expect(relativeError(actual.stats, expected.stats)).toBeLessThan(TOLERANCE);
      expect(relativeError(actual.partials, expected.partials)).toBeLessThan(TOLERANCE);
      expect(actual.partials.subarray(expected.partials.length).every((value) => value === SENTINEL)).toBe(true);
      expect(relativeError(actual.output, expectedOutput(shape, qkv, cache))).toBeLessThan(TOLERANCE);
    },
  );

  it.each(shapes)(
    "reads what rope_append leaves: $numTokens at $position, $numHeads heads of $headDim over $numKvHeads, $segments",
    async (shape) => {
      const { numHeads, numKvHeads, headDim, position, numTokens } = shape;
      const slotSize = 2 * numKvHeads * headDim;
      const random = createRandom(position + numTokens + headDim);
      const qkv = randomArray(random, numTokens * (numHeads + 2 * numKvHeads) * headDim, 2);
      const known = randomArray(random, position * slotSize);
      const { output } = await runAttention(shape, qkv, known, 1e7);
      const frequencies = inverseFrequencies({ headDim, ropeTheta: 1e7, rotaryFrequencies: headDim / 2 });
      const cache = new Float64Array((position + numTokens) * slotSize);
      cache.set(known);
      const rotated = ropeAppend(cache, 0, qkv, position, shape, frequencies);
      expect(relativeError(output, expectedOutput(shape, rotated, Float32Array.from(cache)))).toBeLessThan(TOLERANCE);
    },
  );

  it.each([
    { first: 0, last: 1, position: 40, numTokens: 9 },
    { first: 5, last: 12, position: 0, numTokens: 37 },
    { first: 5, last: 12, position: 17, numTokens: 37 },
    { first: 40, last: 33, position: 3000, numTokens: 70 },
    // Several splits, some of which a token sees nothing of.
    { first: 64, last: 700, position: 10_003, numTokens: 90 },
    { first: 300, last: 300, position: 2000, numTokens: 300 },
  ])(
    "sees the first $first and the last $last keys from $numTokens queries at $position, of a ring that rope_append fills",
    async ({ first, last, position, numTokens }) => {
      const heads = { numHeads: 6, numKvHeads: 2, headDim: 16 };
      const { numHeads, numKvHeads, headDim } = heads;
      const slotSize = 2 * numKvHeads * headDim;
      const random = createRandom(position + last);
      const qkv = randomArray(random, numTokens * (numHeads + 2 * numKvHeads) * headDim, 2);
      const isSeen = (key: number) => key < position && (key < first || key > position - last);
      const known = Float32Array.from({ length: position * slotSize }, (_, i) =>
        isSeen(Math.floor(i / slotSize)) ? random() : 1000,
      );
      for (const kvFormat of ["f32", "i8"] as const) {
        const shape = { ...heads, position, numTokens, segments: [first, last + numTokens], kvFormat };
        const rounded = roundToKv(shape, known);
        const { output } = await runAttention(shape, qkv, rounded, 1e7, { first, last });
        const frequencies = inverseFrequencies({ headDim, ropeTheta: 1e7, rotaryFrequencies: headDim / 2 });
        const cache = new Float64Array((position + numTokens) * slotSize);
        cache.set(rounded);
        const rotated = ropeAppend(cache, 0, qkv, position, shape, frequencies);
        const appended = roundToKv(shape, Float32Array.from(cache.subarray(position * slotSize)));
        const held = Float32Array.from(cache);
        held.set(appended, position * slotSize);
        const expected = expectedOutput(shape, rotated, held, { first, last });
        // A rotated key may round to the next of its 255 steps.
        expect(relativeError(output, expected), kvFormat).toBeLessThan(kvFormat === "i8" ? 1e-3 : TOLERANCE);
      }
    },
  );

  it.each([1e4, -1e4])("averages values whose scores are all %d", async (score) => {
    const shape = {
      numHeads: 1,
      numKvHeads: 1,
      headDim: 16,
      position: 30,
      numTokens: 10,
      segments: [35, 20],
      kvFormat: "f32",
    } as const;
    const qkv = new Float32Array(10 * 3 * 16);
    for (let token = 0; token < 10; token++) qkv[token * 48 + 15] = score * 4;
    const random = createRandom(1);
    const cache = Float32Array.from({ length: 40 * 32 }, (_, i) => (i % 32 < 16 ? Number(i % 32 === 15) : random()));
    const { output } = await runAttention(shape, qkv, cache);
    const expected = Array.from({ length: 10 * 16 }, (_, i) => {
      const numKeys = 31 + Math.floor(i / 16);
      return Array.from({ length: numKeys }, (_, key) => cache[key * 32 + 16 + (i % 16)]! / numKeys).reduce(
        (a, b) => a + b,
      );
    });
    expect(relativeError(output, expected)).toBeLessThan(TOLERANCE);
  });

  it.each([
    { numTokens: 1, grid: [1, 2, 384] },
    { numTokens: 128, grid: [6, 2, 64] },
    { numTokens: 512, grid: [24, 2, 16] },
    { numTokens: 100_000, grid: [4688, 2, 1] },
  ])("takes workgroups enough to fill a GPU with $numTokens tokens", ({ numTokens, grid }) => {
    expect(splitGrid({ numHeads: 6, numKvHeads: 2, maxWorkgroups }, numTokens)).toEqual(grid);
  });
});
