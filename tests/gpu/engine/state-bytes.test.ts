// A state read out as bytes and written into another sequence, of another session too, goes on as if nothing had happened.

import { beforeAll, describe, expect, it } from "vitest";
import { openGpu } from "../../../scripts/node/gpu.ts";
import { readShaders } from "../../../scripts/node/shaders.ts";
import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import { GpuSession } from "../../../src/gpu/session.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import type { KvFormat } from "../../../src/kernels/kv-format.ts";
import { Model } from "../../../src/model/model.ts";
import type { SequenceOptions } from "../../../src/model/sequence-core.ts";
import type { Sequence } from "../../../src/model/sequence.ts";
import {
  keyRowBytes,
  type KeyRows,
  readFixedState,
  readKeys,
  type SavedState,
  writeState,
} from "../../../src/model/state-bytes.ts";
import { useSession } from "../harness.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../made-up-model.ts";

const session = useSession();
const CONFIG: ModelConfig = {
  ...MADE_UP_CONFIG,
  vocabSize: 300,
  layerTypes: ["full_attention", "linear_attention", "full_attention"],
};
const IDS = Array.from({ length: 150 }, (_, i) => (i * i * 7 + 11 * i) % 300);
const DRAW = { sampling: { ...GREEDY, repetitionPenalty: 1.2, frequencyPenalty: 0.3 }, endTokenIds: [] };
const RESERVED = 40;

const models = new Map<KvFormat, Model>();

async function loadModel(kvFormat: KvFormat, on: GpuSession): Promise<Model> {
  return Model.load(on, createMadeUpSource(CONFIG, createMadeUpWeights(CONFIG, 3)), { blockSize: 16, kvFormat });
}

beforeAll(async () => {
  for (const kvFormat of ["f32", "i8"] as const) models.set(kvFormat, await loadModel(kvFormat, session()));
});

/** Reads the first 90 ids, and draws 12 tokens. */
async function readFirst(model: Model, options: SequenceOptions): Promise<Sequence> {
  const sequence = await model.createSequence(RESERVED, options);
  await sequence.prefill(IDS.slice(0, 90), { output: "last", ...DRAW });
  for await (const _ of sequence.generate(DRAW, 12)) void _;
  return sequence;
}

/** What the sequence gives from here on: by decode, then in blocks. */
async function readRest(sequence: Sequence): Promise<object> {
  const drawn: number[] = [];
  for await (const token of sequence.generate(DRAW, 12)) drawn.push(token);
  const taps = await sequence.prefill(IDS.slice(90), { output: "taps" });
  return { drawn, logits: taps!.get("logits")!.values };
}

async function collectKeys(sequence: Sequence, fromToken: number, toToken: number): Promise<KeyRows[]> {
  const keys: KeyRows[] = [];
  for await (const rows of readKeys(sequence, fromToken, toToken)) keys.push(rows);
  return keys;
}

async function save(sequence: Sequence) {
  const { log, pendingToken, position } = sequence;
  const fixedState = await readFixedState(sequence);
  return { log, pendingToken, fixedState, keys: await collectKeys(sequence, 0, position) };
}

/** Writes a state into a sequence that has read something else. */
async function expectSame(model: Model, options: SequenceOptions, saved: SavedState, expected: object): Promise<void> {
  const next = await model.createSequence(RESERVED, options);
  await next.prefill(IDS.slice(100), { output: "none" });
  await writeState(next, saved);
  expect(next.log).toEqual(saved.log);
  expect(next.pendingToken).toBe(saved.pendingToken);
  expect(await readRest(next)).toEqual(expected);
  next.destroy();
}

describe("a state", () => {
  it.each<[string, KvFormat, SequenceOptions]>([
    ["keys in f32", "f32", {}],
    ["keys in i8", "i8", {}],
    ["a ring of keys in i8", "i8", { keyWindow: { first: 5, last: 20 } }],
  ])("with %s goes on in another sequence, bit for bit", async (_, kvFormat, options) => {
    const model = models.get(kvFormat)!;
    const sequence = await readFirst(model, options);
    expect(sequence.segmentLengths.length).toBeGreaterThan(1);
    const saved = await save(sequence);
    await expectSame(model, options, saved, await readRest(sequence));
    sequence.destroy();
  });

  it("goes on in another session, bit for bit", async () => {
    const sequence = await readFirst(models.get("f32")!, {});
    const saved = await save(sequence);
    const { gpu } = await openGpu();
    const other = await GpuSession.open(gpu, { shaders: readShaders() });
    await expectSame(await loadModel("f32", other), {}, saved, await readRest(sequence));
    other.close();
    sequence.destroy();
  });
});

describe("keys as bytes", () => {
  it("are rows that are the same however they are cut", async () => {
    const sequence = await readFirst(models.get("i8")!, {});
    const rowBytes = keyRowBytes(sequence);
    // Key and value of one head of 16 in i8, with a scale each.
    expect(rowBytes).toBe(2 * 20);
    const layerBytes = (keys: readonly KeyRows[], layer: number) =>
      keys.filter((rows) => rows.layer === layer).flatMap(({ bytes }) => [...bytes]);
    const whole = await collectKeys(sequence, 0, 102);
    const parts = [
      ...(await collectKeys(sequence, 0, 0)),
      ...(await collectKeys(sequence, 0, 39)),
      ...(await collectKeys(sequence, 39, 61)),
      ...(await collectKeys(sequence, 61, 102)),
    ];
    for (const layer of [0, 2]) {
      expect(layerBytes(whole, layer).length).toBe(102 * rowBytes);
      expect(layerBytes(parts, layer)).toEqual(layerBytes(whole, layer));
    }
    await expect(collectKeys(sequence, 0, 103)).rejects.toThrow(
      "readKeys: expected tokens from 0 to 102, got 0 to 103",
    );
    sequence.destroy();
  });

  it("may be written in pieces of any length and order of layers, into segments that are cut elsewhere", async () => {
    const sequence = await readFirst(models.get("f32")!, {});
    const saved = await save(sequence);
    const expected = await readRest(sequence);
    const pieces = saved.keys.flatMap(({ layer, bytes }) => {
      const half = 4 * Math.floor(bytes.length / 12);
      return [bytes.subarray(0, half), bytes.subarray(half)].map((piece) => ({ layer, bytes: piece }));
    });
    const keys = [0, 2, 1, 3].map((index) => pieces[index]!);
    const same = await models.get("f32")!.createSequence(RESERVED);
    await writeState(same, { ...saved, keys });
    expect(await readRest(same)).toEqual(expected);
    const large = await models.get("f32")!.createSequence(300);
    await writeState(large, { ...saved, keys });
    expect(await collectKeys(large, 0, 102)).toEqual(saved.keys);
    for (const each of [sequence, same, large]) each.destroy();
  });

  it("of another shape are refused, and leave an empty sequence", async () => {
    const sequence = await readFirst(models.get("f32")!, {});
    const saved = await save(sequence);
    const next = await models.get("f32")!.createSequence(RESERVED);
    const refuse = async (changes: Partial<typeof saved>, message: string) => {
      await next.prefill(IDS.slice(0, 5), { output: "none" });
      await expect(writeState(next, { ...saved, ...changes })).rejects.toThrow(message);
      expect(next.position).toBe(0);
    };
    const { fixedState, keys, log } = saved;
    const size = fixedState.length;
    await refuse({ fixedState: fixedState.subarray(4) }, `fixed state: expected ${size} bytes, got ${size - 4}`);
    await refuse({ keys: keys.slice(0, 1) }, `keys of layer 2: expected ${102 * 128} bytes, got 0`);
    await refuse({ keys: [...keys, keys[0]!] }, `keys of layer 0: expected ${102 * 128} bytes, got ${2 * 102 * 128}`);
    await refuse({ keys: [{ layer: 1, bytes: keys[0]!.bytes }] }, "keys: expected layers 0, 2, got 1");
    await refuse(
      { log: { ...log, blockLengths: log.blockLengths.slice(1) } },
      "log: expected blocks of 102 tokens, got 86",
    );
    await writeState(next, saved);
    expect(await readRest(next)).toEqual(await readRest(sequence));
    next.destroy();
    sequence.destroy();
  });
});
