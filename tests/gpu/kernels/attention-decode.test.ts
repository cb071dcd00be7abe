import { describe, expect, it } from "vitest";
import type { Tensor } from "../../../src/gpu/tensor.ts";
import { type AttentionDecodeConstants, createAttentionDecode } from "../../../src/kernels/attention-decode.ts";
import { createSegment } from "../../../src/kernels/segment.ts";
import { attentionDecode } from "../../../src/reference/kernels/attention-decode.ts";
import {
  createOutput,
  createRandom,
  randomArray,
  readWritten,
  relativeError,
  run,
  upload,
  uploadStep,
  useSession,
} from "../harness.ts";
import { readCache, roundToKv, uploadCache } from "../kv-cache.ts";

const session = useSession();

type Shape = AttentionDecodeConstants;

/** As the shader splits: whole multiples of 128 positions. */
function splitLength({ maxSplits }: Shape, position: number): number {
  return 128 * Math.ceil((position + 1) / maxSplits / 128);
}

async function decodeOnce(shape: Shape, lengths: readonly number[], position: number, isDone = false) {
  const { numHeads, numKvHeads, headDim, maxSplits } = shape;
  const random = createRandom(position + headDim);
  const slotSize = 2 * numKvHeads * headDim;
  const qkvValues = randomArray(random, (numHeads + 2 * numKvHeads) * headDim, 2);
  const qkv = upload(session(), "qkv", [1, qkvValues.length], qkvValues);
  const step = uploadStep(session(), position, [0]);
  if (isDone) session().device.queue.writeBuffer(step.buffer, 8, new Uint32Array([1]));
  const stats = createOutput(session(), "stats", [maxSplits * numHeads, 2]);
  const partials = createOutput(session(), "partials", [maxSplits * numHeads, headDim]);
  const create = await createAttentionDecode(session(), shape);
  let start = 0;
  const segments: { start: number; values: Float32Array; cache: Tensor }[] = [];
  const dispatches = lengths.map((length, index) => {
    const values = roundToKv(shape, randomArray(random, length * slotSize));
    const cache = uploadCache(session(), "cache", shape, values);
    const segment = createSegment(session(), "segment", { start, length, index });
    segments.push({ start, values, cache });
    start += length;
    return create("attention_decode", { segment, step, qkv, cache, stats, partials });
  });
  run(session(), dispatches, 1);
  const own = roundToKv(shape, qkvValues.subarray(numHeads * headDim));
  for (const [index, { start, values, cache }] of segments.entries()) {
    const appended = values.slice();
    if (!isDone && position >= start && position < start + lengths[index]!) {
      appended.set(own, (position - start) * slotSize);
    }
    // A scale of i8 may be rounded in its last bit.
    expect(relativeError(await readCache(session(), cache, shape), appended), `segment ${index}`).toBeLessThan(2e-7);
  }
  if (isDone) return;
  const cache = new Float32Array(start * slotSize);
  for (const { start, values } of segments) cache.set(values, start * slotSize);
  // The token's own key and value count as they are stored.
  const query = qkvValues.slice();
  query.set(own, numHeads * headDim);
  const expected = attentionDecode(query, cache, position, shape, splitLength(shape, position));
  // f32 sums of up to 128 products under exp, then of some hundred keys.
  const foundStats = await readWritten(session(), stats, expected.stats.length);
  expect(relativeError(foundStats, expected.stats), "stats").toBeLessThan(1e-5);
  const found = await readWritten(session(), partials, expected.partials.length);
  expect(relativeError(found, expected.partials), "partials").toBeLessThan(1e-5);
}

const small = { numHeads: 1, numKvHeads: 1, headDim: 4, kvFormat: "f32", maxSplits: 64 } as const;
const grouped = { numHeads: 6, numKvHeads: 2, headDim: 64, kvFormat: "f32", maxSplits: 64 } as const;

describe("attention_decode", () => {
  it.each<{ shape: Shape; lengths: readonly number[]; position: number }>([
    { shape: small, lengths: [1], position: 0 },
    { shape: { ...small, numHeads: 3, headDim: 24 }, lengths: [100], position: 70 },
    // More query heads of a KV head than are computed at once.
    { shape: { ...small, numHeads: 5, headDim: 20 }, lengths: [300], position: 255 },
    { shape: { ...small, numHeads: 14, numKvHeads: 2, headDim: 36 }, lengths: [300], position: 256 },
    // A segment ends before the token, with it, and after it; splits begin in one and end in the next.
    { shape: grouped, lengths: [64, 64, 256], position: 63 },
    { shape: grouped, lengths: [64, 64, 256], position: 64 },
    { shape: grouped, lengths: [64, 40, 5, 256], position: 300 },
    { shape: { ...grouped, maxSplits: 4 }, lengths: [700, 700], position: 1151 },
    { shape: { ...grouped, maxSplits: 4 }, lengths: [700, 700], position: 1152 },
    { shape: { ...small, numHeads: 2, numKvHeads: 2, headDim: 128 }, lengths: [4096], position: 4095 },
    { shape: { ...grouped, kvFormat: "f16" }, lengths: [64, 64, 256], position: 300 },
    { shape: { ...small, numHeads: 5, headDim: 36, kvFormat: "f16" }, lengths: [70, 80], position: 69 },
    { shape: { ...grouped, kvFormat: "i8" }, lengths: [64, 64, 256], position: 300 },
    { shape: { ...small, numHeads: 5, headDim: 36, kvFormat: "i8" }, lengths: [70, 80], position: 69 },
    { shape: { ...small, numHeads: 2, numKvHeads: 2, headDim: 128, kvFormat: "i8" }, lengths: [1100], position: 1023 },
  ])("attends from position $position over segments of $lengths with $shape", ({ shape, lengths, position }) =>
    decodeOnce(shape, lengths, position),
  );

  it.each([
    { first: 0, last: 1, ring: 40, position: 100 },
    { first: 7, last: 50, ring: 90, position: 30 },
    { first: 7, last: 50, ring: 90, position: 56 },
    { first: 7, last: 50, ring: 90, position: 57 },
    { first: 64, last: 300, ring: 333, position: 100_000 },
  ])("sees the first $first and the last $last keys of a ring of $ring, at $position", async (window) => {
    const { first, last, ring, position } = window;
    for (const kvFormat of ["f32", "i8"] as const) {
      const shape = { ...grouped, kvFormat, keyWindow: { first, last } };
      const { numHeads, numKvHeads, headDim, maxSplits } = shape;
      const slotSize = 2 * numKvHeads * headDim;
      const random = createRandom(position);
      const qkvValues = randomArray(random, (numHeads + 2 * numKvHeads) * headDim, 2);
      const shared = {
        step: uploadStep(session(), position, [0]),
        qkv: upload(session(), "qkv", [1, qkvValues.length], qkvValues),
        stats: createOutput(session(), "stats", [maxSplits * numHeads, 2]),
        partials: createOutput(session(), "partials", [maxSplits * numHeads, headDim]),
      };
      const lengths = first > 0 ? [first, ring] : [ring];
      // Slots that hold no token that is seen hold large numbers.
      const slots = lengths.map((length) => new Float32Array(length * slotSize).fill(1000));
      const seen = Array.from({ length: position }, (_, key) => key).filter(
        (key) => key < first || key > position - last,
      );
      const cache = roundToKv(shape, randomArray(random, seen.length * slotSize));
      for (const [index, key] of seen.entries()) {
        const values = cache.subarray(index * slotSize, (index + 1) * slotSize);
        if (key < first) slots[0]!.set(values, key * slotSize);
        else slots.at(-1)!.set(values, ((key - first) % ring) * slotSize);
      }
      const create = await createAttentionDecode(session(), shape);
      let start = 0;
      const dispatches = lengths.map((length, index) => {
        const segment = createSegment(session(), "segment", { start, length, index });
        start += length;
        const own = uploadCache(session(), "cache", shape, slots[index]!);
        return create("attention_decode", { ...shared, segment, cache: own });
      });
      run(session(), dispatches, 1);
      const query = qkvValues.slice();
      query.set(roundToKv(shape, qkvValues.subarray(numHeads * headDim)), numHeads * headDim);
      const expected = attentionDecode(query, cache, seen.length, shape, splitLength(shape, seen.length));
      const stats = await readWritten(session(), shared.stats, expected.stats.length);
      expect(relativeError(stats, expected.stats), "stats").toBeLessThan(1e-5);
      const partials = await readWritten(session(), shared.partials, expected.partials.length);
      expect(relativeError(partials, expected.partials), "partials").toBeLessThan(1e-5);
    }
  });

  it("appends nothing once the answer is done", () =>
    decodeOnce({ ...grouped, numHeads: 4, headDim: 32 }, [32, 32], 40, true));
});
