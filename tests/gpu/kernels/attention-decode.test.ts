import { describe, expect, it } from "vitest";
import type { Tensor } from "../../../src/gpu/tensor.ts";
import { ATTENTION_SPLITS, createAttentionDecode } from "../../../src/kernels/attention-decode.ts";
import type { KvHeads } from "../../../src/kernels/kv-format.ts";
import { createSegment } from "../../../src/kernels/segment.ts";
import { attentionDecode } from "../../../src/reference/kernels/attention-decode.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  relativeError,
  run,
  upload,
  uploadStep,
  useSession,
} from "../harness.ts";
import { readCache, roundToKv, uploadCache } from "../kv-cache.ts";

const session = useSession();
/** As the kernel splits: at least 64 keys a split. */
const splits = { count: ATTENTION_SPLITS, minKeys: 64 };

interface Shape extends KvHeads {
  readonly numHeads: number;
}

async function decodeOnce(shape: Shape, lengths: readonly number[], position: number, isDone = false) {
  const { numHeads, numKvHeads, headDim, kvFormat } = shape;
  const random = createRandom(position + headDim);
  const qkvValues = randomArray(random, (numHeads + 2 * numKvHeads) * headDim, 2);
  const qkv = upload(session(), "qkv", [1, qkvValues.length], qkvValues);
  const step = uploadStep(session(), position, [0]);
  if (isDone) session().device.queue.writeBuffer(step.buffer, 8, new Uint32Array([1]));
  const partials = upload(
    session(),
    "partials",
    [lengths.length, ATTENTION_SPLITS, numHeads, headDim + 2],
    new Float32Array(lengths.length * ATTENTION_SPLITS * numHeads * (headDim + 2)).fill(-7),
  );
  const create = await createAttentionDecode(session(), shape);
  let start = 0;
  const segments: { start: number; values: Float32Array; cache: Tensor }[] = [];
  const dispatches = lengths.map((length, index) => {
    const values = roundToKv(kvFormat, randomArray(random, length * 2 * numKvHeads * headDim));
    const cache = uploadCache(session(), "cache", shape, values);
    const segment = createSegment(session(), "segment", { start, length, index });
    segments.push({ start, values, cache });
    start += length;
    return create("attention_decode", { segment, step, qkv, cache, partials });
  });
  run(session(), dispatches, 1);
  const actual = await readFloats(session(), partials);
  const perSegment = actual.length / lengths.length;
  for (const [index, { start, values, cache }] of segments.entries()) {
    const expected = attentionDecode(qkvValues, { start, cache: values }, position, shape, splits);
    const found = actual.slice(index * perSegment, (index + 1) * perSegment);
    // Where the sum is 0 the largest score means nothing.
    for (let at = headDim; at < found.length; at += headDim + 2) if (expected[at + 1] === 0) found[at] = 0;
    // f32 sums of up to 128 products under exp, then of up to 64 keys.
    expect(relativeError(found, expected), `partials of segment ${index}`).toBeLessThan(1e-5);

    const appended = values.slice();
    if (!isDone && position >= start && position < start + lengths[index]!) {
      const row = (position - start) * 2 * numKvHeads * headDim;
      appended.set(roundToKv(kvFormat, qkvValues.subarray(numHeads * headDim)), row);
    }
    expect(await readCache(session(), cache, kvFormat), `cache of segment ${index}`).toEqual(appended);
  }
}

describe("attention_decode", () => {
  it.each([
    { shape: { numHeads: 1, numKvHeads: 1, headDim: 16, kvFormat: "f32" }, lengths: [1], position: 0 },
    { shape: { numHeads: 3, numKvHeads: 1, headDim: 24, kvFormat: "f32" }, lengths: [100], position: 70 },
    { shape: { numHeads: 6, numKvHeads: 2, headDim: 64, kvFormat: "f32" }, lengths: [64, 64, 256], position: 63 },
    { shape: { numHeads: 6, numKvHeads: 2, headDim: 64, kvFormat: "f32" }, lengths: [64, 64, 256], position: 64 },
    { shape: { numHeads: 6, numKvHeads: 2, headDim: 64, kvFormat: "f32" }, lengths: [64, 64, 256], position: 300 },
    { shape: { numHeads: 2, numKvHeads: 2, headDim: 128, kvFormat: "f32" }, lengths: [4096], position: 4095 },
    { shape: { numHeads: 6, numKvHeads: 2, headDim: 64, kvFormat: "f16" }, lengths: [64, 64, 256], position: 300 },
    { shape: { numHeads: 5, numKvHeads: 1, headDim: 36, kvFormat: "f16" }, lengths: [70, 80], position: 69 },
  ] as const)("attends from position $position over segments of $lengths with $shape", ({ shape, lengths, position }) =>
    decodeOnce(shape, lengths, position),
  );

  it("appends nothing once the answer is done", () =>
    decodeOnce({ numHeads: 4, numKvHeads: 2, headDim: 32, kvFormat: "f32" }, [32, 32], 40, true));
});
