import { describe, expect, it } from "vitest";
import { createAttentionBlock } from "../../../src/kernels/attention-block.ts";
import { createRopeAppend } from "../../../src/kernels/rope-append.ts";
import { createRopeTable, ROPE_ROWS } from "../../../src/kernels/rope-table.ts";
import { createSegment } from "../../../src/kernels/segment.ts";
import { attentionBlock } from "../../../src/reference/kernels/attention-block.ts";
import { ropeAppend } from "../../../src/reference/kernels/rope-append.ts";
import { inverseFrequencies } from "../../../src/reference/model.ts";
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
}

/** Uploads a block, dispatches over all segments, with surplus workgroups, and reads the output.
 * @param known what the cache holds beforehand, (any number of tokens, 2, num_kv_heads, head_dim)
 * @param append whether the block's own keys are appended first */
async function runAttention(
  shape: Shape,
  qkvValues: Float32Array,
  known: Float32Array,
  ropeTheta: number,
  append: boolean,
) {
  const { numHeads, numKvHeads, headDim, position, numTokens, segments } = shape;
  const attentionSize = numHeads * headDim;
  const slotSize = 2 * numKvHeads * headDim;
  const ropeTable = createRopeTable({ headDim, ropeTheta, rotaryFrequencies: headDim / 2 });
  const attentionOutput = createOutput(session(), "attention output", [numTokens + 20, attentionSize]);
  // What an earlier block left is small enough to count, were it taken for this block's.
  const stats = createOutput(session(), "stats", [numTokens + 20, numHeads, 2]);
  session().device.queue.writeBuffer(stats.buffer, 0, new Float32Array(numTokens * numHeads * 2).fill(1));
  const shared = {
    call: uploadCall(session(), { numTokens, numSegments: segments.length }),
    step: uploadStep(session(), position, [0]),
    qkv: upload(session(), "qkv", [numTokens + 20, (numHeads + 2 * numKvHeads) * headDim], qkvValues),
    ropeTable: upload(session(), "rope table", [2, ROPE_ROWS, headDim / 2, 2], ropeTable),
  };
  const createAppend = await createRopeAppend(session(), { numHeads, numKvHeads, headDim });
  const createAttention = await createAttentionBlock(session(), { numHeads, numKvHeads, headDim });
  let start = 0;
  const perSegment = segments.map((length, index) => {
    const segment = createSegment(session(), `segment ${index}`, { start, length, index });
    // Slots that hold no token yet hold large numbers: reading one would show.
    const slots = new Float32Array(length * slotSize).fill(1000);
    slots.set(known.subarray(start * slotSize, (start + length) * slotSize));
    start += length;
    return { segment, cache: upload(session(), `segment ${index}`, [length, 2, numKvHeads, headDim], slots) };
  });
  const dispatches = [
    ...(append ? perSegment.map((own) => createAppend("rope_append", { ...shared, ...own })) : []),
    ...perSegment.map((own) => createAttention("attention_block", { ...shared, ...own, stats, attentionOutput })),
  ];
  run(session(), dispatches, numTokens + 20);
  await readWritten(session(), stats, numTokens * numHeads * 2);
  return readWritten(session(), attentionOutput, numTokens * attentionSize);
}

const shapes: Shape[] = [
  { numHeads: 1, numKvHeads: 1, headDim: 16, position: 0, numTokens: 1, segments: [1] },
  { numHeads: 3, numKvHeads: 1, headDim: 24, position: 0, numTokens: 37, segments: [64] },
  // Segments end inside the first and the second tile of 16 queries.
  { numHeads: 3, numKvHeads: 1, headDim: 24, position: 19, numTokens: 37, segments: [24, 16, 40] },
  { numHeads: 6, numKvHeads: 2, headDim: 64, position: 50, numTokens: 100, segments: [150] },
  { numHeads: 4, numKvHeads: 2, headDim: 24, position: 5, numTokens: 37, segments: [12, 60] },
  { numHeads: 6, numKvHeads: 1, headDim: 16, position: 33, numTokens: 40, segments: [17, 17, 64] },
  { numHeads: 2, numKvHeads: 2, headDim: 128, position: 0, numTokens: 20, segments: [9, 100] },
  // The last segment begins right after the block.
  { numHeads: 3, numKvHeads: 3, headDim: 20, position: 32, numTokens: 16, segments: [32, 16, 16] },
];

describe("attention_block", () => {
  it.each(shapes)(
    "attends with $numTokens queries at $position, $numHeads heads of $headDim over $numKvHeads, to segments of $segments",
    async (shape) => {
      const { numHeads, numKvHeads, headDim, position, numTokens } = shape;
      const random = createRandom(position + numTokens + headDim);
      // Scores of several units: a masked, lost or doubled key changes the first digits.
      const qkv = randomArray(random, numTokens * (numHeads + 2 * numKvHeads) * headDim, 5);
      const cache = randomArray(random, (position + numTokens) * 2 * numKvHeads * headDim);
      const actual = await runAttention(shape, qkv, cache, 1e4, false);
      const frequencies = inverseFrequencies({ headDim, ropeTheta: 1e4, rotaryFrequencies: headDim / 2 });
      expect(relativeError(actual, attentionBlock(qkv, cache, position, shape, frequencies))).toBeLessThan(TOLERANCE);
    },
  );

  it.each(shapes)(
    "reads the keys that rope_append appends: $numTokens at $position, $numHeads heads of $headDim over $numKvHeads, $segments",
    async (shape) => {
      const { numHeads, numKvHeads, headDim, position, numTokens } = shape;
      const slotSize = 2 * numKvHeads * headDim;
      const random = createRandom(position + numTokens + headDim);
      const qkv = randomArray(random, numTokens * (numHeads + 2 * numKvHeads) * headDim, 2);
      const known = randomArray(random, position * slotSize);
      const actual = await runAttention(shape, qkv, known, 1e7, true);
      const frequencies = inverseFrequencies({ headDim, ropeTheta: 1e7, rotaryFrequencies: headDim / 2 });
      const cache = new Float64Array((position + numTokens) * slotSize);
      cache.set(known);
      ropeAppend(cache, 0, qkv, position, shape, frequencies);
      expect(relativeError(actual, attentionBlock(qkv, cache, position, shape, frequencies))).toBeLessThan(TOLERANCE);
    },
  );

  it.each([1e4, -1e4])("averages values whose scores are all %d", async (score) => {
    const shape = { numHeads: 1, numKvHeads: 1, headDim: 16, position: 30, numTokens: 10, segments: [35, 20] };
    // Channel 15 does not turn by much, but channel 7, its partner, is 0 in every key: the scores are equal in any rounding.
    const qkv = new Float32Array(10 * 3 * 16);
    for (let token = 0; token < 10; token++) qkv[token * 48 + 15] = score * 4;
    const random = createRandom(1);
    const cache = Float32Array.from({ length: 40 * 32 }, (_, i) => (i % 32 < 16 ? Number(i % 32 === 15) : random()));
    const actual = await runAttention(shape, qkv, cache, 1e4, false);
    const expected = Array.from({ length: 10 * 16 }, (_, i) => {
      const numKeys = 31 + Math.floor(i / 16);
      return Array.from({ length: numKeys }, (_, key) => cache[key * 32 + 16 + (i % 16)]! / numKeys).reduce(
        (a, b) => a + b,
      );
    });
    expect(relativeError(actual, expected)).toBeLessThan(TOLERANCE);
  });
});
