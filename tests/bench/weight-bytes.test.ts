// What a decode step reads of the experts: only the chosen ones, as the counter says. The rest is spoiled to prove it.

import { beforeAll, expect, test } from "vitest";
import { createMadeUpSource } from "../../src/bench/made-up-source.ts";
import type { ModelConfig } from "../../src/checkpoint/model-config.ts";
import { GREEDY } from "../../src/kernels/call.ts";
import { Model } from "../../src/model/model.ts";
import type { Sequence } from "../../src/model/sequence.ts";
import { readFloats, useSession } from "../gpu/harness.ts";
import { MADE_UP_CONFIG } from "../gpu/made-up-model.ts";

const session = useSession();
/** One layer, so that what it chose is still there after a step. */
const CONFIG: ModelConfig = { ...MADE_UP_CONFIG, numLayers: 1, layerTypes: ["linear_attention"] };
const DRAW = { sampling: GREEDY, endTokenIds: [] };

let model: Model;
let sequence: Sequence;

beforeAll(load);

/** Anew, with the same weights. */
async function load(): Promise<void> {
  model = await Model.load(session(), createMadeUpSource(CONFIG, "f32"), { blockSize: 16 });
  sequence = await model.createSequence(32);
}

/** Logits of one step over an empty state. */
async function decodeOnce(): Promise<Float32Array> {
  sequence.assume(1);
  await sequence.decode(DRAW);
  return readFloats(session(), model.activations.logits);
}

/** Makes every weight of an expert NaN. */
function spoil(expert: number): void {
  const { gateUpProj, downProj } = model.weights.layers[0]!;
  for (const { buffer, sizeBytes } of [gateUpProj, downProj]) {
    const expertBytes = sizeBytes / CONFIG.numExperts;
    session().device.queue.writeBuffer(buffer, expert * expertBytes, new Uint8Array(expertBytes).fill(0xff));
  }
}

/** The experts without whose weights a step gives no numbers. */
async function findReadExperts(): Promise<number[]> {
  const read: number[] = [];
  for (let expert = 0; expert < CONFIG.numExperts; expert++) {
    spoil(expert);
    if ((await decodeOnce()).some(Number.isNaN)) read.push(expert);
    await load();
  }
  return read;
}

test("a decode step reads the chosen experts alone, and the counter counts these", async () => {
  const before = session().counters.weightBytes;
  const logits = await decodeOnce();
  const countedBytes = session().counters.weightBytes - before;
  expect(logits.every(Number.isFinite)).toBe(true);

  const read = await findReadExperts();
  expect(read).toHaveLength(CONFIG.expertsPerToken);
  const unread = Array.from({ length: CONFIG.numExperts }, (_, expert) => expert).filter((id) => !read.includes(id));
  for (const expert of unread) spoil(expert);
  expect(await decodeOnce()).toEqual(logits);

  const { gateUpProj, downProj } = model.weights.layers[0]!;
  const expertBytes = (gateUpProj.sizeBytes + downProj.sizeBytes) / CONFIG.numExperts;
  const embedTokens = model.weights.embedTokens[0]!.matrix;
  const modelBytes = model.weights.buffers.reduce((sum, { size }) => sum + size, 0);
  const neededBytes =
    modelBytes - unread.length * expertBytes - embedTokens.sizeBytes + embedTokens.sizeBytes / CONFIG.vocabSize;
  expect(Math.abs(countedBytes / neededBytes - 1)).toBeLessThan(0.05);
});

test("a sequence that assumes tokens stands after them, and draws from there", async () => {
  sequence.assume(20);
  expect(sequence.position).toBe(20);
  expect(sequence.pendingToken).toBe(0);
  expect([...sequence.log.blockLengths]).toEqual([20]);
  await sequence.decode(DRAW);
  expect(sequence.position).toBe(21);
});
