// Constant memory mode: softmax layers see the first and the last keys only, and keep no others.

import { beforeAll, describe, expect, it } from "vitest";
import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import type { Sequence } from "../../../src/model/sequence.ts";
import { createReferenceState, referenceForward } from "../../../src/reference/model.ts";
import { readReferenceWeights } from "../../../src/reference/weights.ts";
import { relativeError, useSession } from "../harness.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../made-up-model.ts";

const session = useSession();
const CONFIG: ModelConfig = {
  ...MADE_UP_CONFIG,
  vocabSize: 300,
  layerTypes: ["full_attention", "linear_attention", "full_attention"],
};
const BLOCK_SIZE = 16;
const PACE = { depth: 1, steps: 4 };
/** The ring has 12 + 16 slots. */
const keyWindow = { first: 5, last: 12 };
const WINDOWED = { keyWindow, fixedPace: PACE };
const RING_LENGTH = 28;
/** More than five times around the ring. */
const IDS = Array.from({ length: 150 }, (_, i) => (i * i * 7 + 11 * i) % 300);
const DRAW = { sampling: GREEDY, endTokenIds: [] };
/** f32 sums through three layers. */
const TOLERANCE = 1e-5;

let model: Model;
let expected: Float64Array;
let unbounded: Float64Array;

beforeAll(async () => {
  const source = createMadeUpSource(CONFIG, createMadeUpWeights(CONFIG, 3));
  model = await Model.load(session(), source, { blockSize: BLOCK_SIZE });
  const weights = await readReferenceWeights(source);
  expected = referenceForward(weights, createReferenceState(CONFIG), IDS, { keyWindow });
  unbounded = referenceForward(weights, createReferenceState(CONFIG), IDS);
});

async function readLogits(sequence: Sequence, ids: readonly number[]): Promise<number[]> {
  return [...(await sequence.prefill(ids, { output: "taps" }))!.get("logits")!.values];
}

async function decodeLogits(sequence: Sequence, ids: readonly number[]): Promise<number[]> {
  return [...(await sequence.replayTaps(ids)).get("logits")!.values];
}

const rows = (from: number, to = IDS.length) => expected.subarray(from * CONFIG.vocabSize, to * CONFIG.vocabSize);

describe("constant memory mode", () => {
  it("computes something else than all keys do", () => {
    expect(relativeError(expected, unbounded)).toBeGreaterThan(100 * TOLERANCE);
    expect(relativeError(rows(0, 17), unbounded.subarray(0, 17 * CONFIG.vocabSize))).toBe(0);
  });

  it.each([
    ["whole blocks", [150]],
    ["blocks that end anywhere", [3, 16, 1, 7, 40, 2, 33, 16, 32]],
    ["blocks of one", [17, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 121]],
  ])("gives the reference's logits in %s", async (_, lengths) => {
    const sequence = await model.createSequence(8, WINDOWED);
    const logits: number[] = [];
    for (const length of lengths) {
      logits.push(...(await readLogits(sequence, IDS.slice(sequence.position, sequence.position + length))));
    }
    expect(relativeError(logits, expected)).toBeLessThan(TOLERANCE);
    sequence.destroy();
  });

  it("gives the reference's logits by decode, from the beginning and after blocks", async () => {
    const sequence = await model.createSequence(8, WINDOWED);
    expect(relativeError(await decodeLogits(sequence, IDS.slice(0, 60)), rows(0, 60))).toBeLessThan(TOLERANCE);
    expect(relativeError(await readLogits(sequence, IDS.slice(60, 101)), rows(60, 101))).toBeLessThan(TOLERANCE);
    expect(relativeError(await decodeLogits(sequence, IDS.slice(101)), rows(101))).toBeLessThan(TOLERANCE);
    sequence.destroy();
  });

  it("takes no more memory after 150 tokens than before the first", async () => {
    const sequence = await model.createSequence(8, WINDOWED);
    await readLogits(sequence, IDS.slice(0, 1));
    const total = () =>
      session()
        .ledger.totals()
        .find(({ kind }) => kind === "KV cache")!;
    const before = { allocated: session().ledger.allocatedBytes, usedBytes: total().usedBytes };
    await sequence.prefill(IDS.slice(1), { output: "last", ...DRAW });
    for await (const _ of sequence.generate(DRAW, 20)) void _;
    expect(session().ledger.allocatedBytes).toBe(before.allocated);
    // Two softmax layers with one KV head of 16: key and value, in f32.
    expect(total().usedBytes - before.usedBytes).toBe((keyWindow.first + RING_LENGTH - 1) * 2 * 2 * 16 * 4);
    expect(total().usedBytes).toBe(total().allocatedBytes);
    sequence.destroy();
  });

  it("takes drawn tokens back, and goes on as if they had not been drawn", async () => {
    const [sequence, other] = [await model.createSequence(8, WINDOWED), await model.createSequence(8, WINDOWED)];
    const drawn = [(await sequence.prefill(IDS.slice(0, 70), { output: "last", ...DRAW }))!];
    for await (const token of sequence.generate(DRAW, 37)) {
      drawn.push(token);
      if (drawn.length === 34) break;
    }
    expect(await sequence.rewind(3)).toBe(true);
    await other.prefill(IDS.slice(0, 70), { output: "last", ...DRAW });
    await other.replay(drawn.slice(1, 31));
    expect([sequence.position, sequence.pendingToken]).toEqual([other.position, other.pendingToken]);
    const ids = IDS.slice(0, 20);
    expect(await readLogits(sequence, ids)).toEqual(await readLogits(other, ids));
    sequence.destroy();
    other.destroy();
  });

  it("keeps the ring in a snapshot: also once around it later, and in another sequence of the same window", async () => {
    const [sequence, other] = [await model.createSequence(8, WINDOWED), await model.createSequence(8, WINDOWED)];
    await readLogits(sequence, IDS.slice(0, 75));
    const snapshot = sequence.snapshot();
    await readLogits(sequence, IDS.slice(20, 90));
    for (const restored of [sequence, other]) {
      restored.restore(snapshot);
      expect(relativeError(await readLogits(restored, IDS.slice(75)), rows(75))).toBeLessThan(TOLERANCE);
    }
    const plain = await model.createSequence(8, { fixedPace: PACE });
    expect(() => plain.restore(snapshot)).toThrow(/^snapshot: expected ranges of .* bytes, got /);
    expect(plain.position).toBe(0);
    snapshot.destroy();
    for (const each of [sequence, other, plain]) each.destroy();
  });

  it("refuses windows that are none", async () => {
    const create = (first: number, last: number) => model.createSequence(8, { keyWindow: { first, last } });
    await expect(create(4, 0)).rejects.toThrow("keyWindow.last: expected a whole number from 1, got 0");
    await expect(create(-1, 5)).rejects.toThrow("keyWindow.first: expected a whole number from 0, got -1");
    await expect(create(4, 1.5)).rejects.toThrow("keyWindow.last: expected a whole number from 1, got 1.5");
  });
});
