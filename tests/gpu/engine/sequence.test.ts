// Sequences, snapshots and forks over golden-fused: lightning, softmax, lightning.

import { beforeAll, describe, expect, it } from "vitest";
import type { WeightSource } from "../../../src/checkpoint/weight-source.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import type { Sequence } from "../../../src/model/sequence.ts";
import { StaleSnapshotError } from "../../../src/model/snapshot.ts";
import { createReferenceState, referenceForward } from "../../../src/reference/model.ts";
import { readReferenceWeights } from "../../../src/reference/weights.ts";
import { openFixture } from "../../reference/golden.ts";
import { relativeError, useSession } from "../harness.ts";

const session = useSession();
const BLOCK_SIZE = 16;
/** Equal, so that segments are: decode sums keys of other segments in another order. */
const RESERVED = 16;
const DRAW = { sampling: GREEDY, endTokenIds: [] };

let source: WeightSource;
let model: Model;

beforeAll(async () => {
  source = await openFixture("golden-fused");
  model = await Model.load(session(), source, { blockSize: BLOCK_SIZE });
});

const idsFrom = (seed: number, length: number) => Array.from({ length }, (_, i) => (seed * 31 + i * i * 7 + i) % 300);
const PREFIX = idsFrom(1, 40);
const BRANCHES = { A: idsFrom(2, 21), B: idsFrom(3, 33), "B'": [...idsFrom(3, 20), ...idsFrom(4, 5)] };
type Branch = keyof typeof BRANCHES;

/** Logits of the tokens of `ids`, read in blocks. */
async function readLogits(sequence: Sequence, ids: readonly number[]): Promise<Float32Array> {
  return (await sequence.prefill(ids, { output: "taps" }))!.get("logits")!.values;
}

async function readFresh(...parts: readonly (readonly number[])[]): Promise<Float32Array> {
  const sequence = await model.createSequence(RESERVED);
  let logits = new Float32Array(0);
  for (const part of parts) logits = (await readLogits(sequence, part)) as Float32Array<ArrayBuffer>;
  sequence.destroy();
  return logits;
}

describe("forks", () => {
  it("A, B and B' switched in every order equal a fresh read, bit for bit", async () => {
    const names = Object.keys(BRANCHES) as Branch[];
    const fresh = new Map<Branch, Float32Array>();
    for (const name of names) fresh.set(name, await readFresh(PREFIX, BRANCHES[name]));
    const sequence = await model.createSequence(RESERVED);
    await readLogits(sequence, PREFIX);
    const snapshot = sequence.snapshot();
    const orders = names.flatMap((a) => names.filter((b) => b !== a).map((b) => [a, b, a] as const));
    for (const order of orders) {
      for (const name of order) {
        sequence.restore(snapshot);
        expect(sequence.position).toBe(PREFIX.length);
        expect(await readLogits(sequence, BRANCHES[name]), `${name} of ${order.join()}`).toEqual(fresh.get(name));
      }
    }
    snapshot.destroy();
    sequence.destroy();
  });

  it("a branch that was left goes on where it was, also in another sequence, until another is read in its place", async () => {
    const sequence = await model.createSequence(RESERVED);
    const other = await model.createSequence(RESERVED);
    await readLogits(sequence, PREFIX);
    const root = sequence.snapshot("root");
    await readLogits(sequence, BRANCHES.A);
    const a = sequence.snapshot("branch A");
    const afterA = await readFresh(PREFIX, BRANCHES.A, idsFrom(9, 18));
    sequence.restore(root);
    sequence.restore(a);
    expect(await readLogits(sequence, idsFrom(9, 18))).toEqual(afterA);
    sequence.restore(root);
    other.restore(a);
    await readLogits(sequence, BRANCHES.B);
    const b = sequence.snapshot("branch B");
    const stale = "branch A: expected the keys of its 61 tokens, got those of the first 40";
    expect(() => sequence.restore(a)).toThrow(new StaleSnapshotError("branch A", 61, 40));
    expect(() => other.restore(a)).toThrow(stale);
    expect(await readLogits(other, idsFrom(9, 18))).toEqual(afterA);
    sequence.restore(root);
    sequence.restore(b);
    expect(await readLogits(sequence, idsFrom(9, 18))).toEqual(await readFresh(PREFIX, BRANCHES.B, idsFrom(9, 18)));
    expect([...sequence.log.tokenIds]).toEqual([...PREFIX, ...BRANCHES.B, ...idsFrom(9, 18)]);
    expect([...sequence.log.blockLengths]).toEqual([16, 16, 8, 16, 15, 2, 16, 2]);
    for (const snapshot of [root, a, b]) snapshot.destroy();
    other.destroy();
    sequence.destroy();
  });

  it("can be taken over by another sequence of the model", async () => {
    const [first, second] = [await model.createSequence(RESERVED), await model.createSequence(RESERVED)];
    await readLogits(first, PREFIX);
    const snapshot = first.snapshot();
    await readLogits(second, BRANCHES.B);
    second.restore(snapshot);
    const [one, other] = [await readLogits(first, BRANCHES.A), await readLogits(second, BRANCHES.A)];
    // Its segments are cut elsewhere: keys are summed in another order.
    expect(relativeError(other, one)).toBeLessThan(2e-6);
    snapshot.destroy();
    first.destroy();
    second.destroy();
  });
});

describe("a sequence", () => {
  it("replays drawn tokens to the same state and pending token", async () => {
    const sequence = await model.createSequence(64);
    const first = (await sequence.prefill(PREFIX, { output: "last", ...DRAW }))!;
    const snapshot = sequence.snapshot();
    const drawn: number[] = [];
    for await (const token of sequence.generate(DRAW, 10)) drawn.push(token);
    const expected = await readLogits(sequence, idsFrom(5, 10));
    sequence.restore(snapshot);
    expect(sequence.pendingToken).toBe(first);
    await sequence.replay(drawn);
    expect(sequence.pendingToken).toBe(drawn.at(-1));
    expect(sequence.position).toBe(PREFIX.length + 10);
    expect(await readLogits(sequence, idsFrom(5, 10))).toEqual(expected);
    snapshot.destroy();
    sequence.destroy();
  });

  it("grows by segments without changing a number, and forgets everything when cleared", async () => {
    const ids = idsFrom(6, 150);
    const large = await model.createSequence(256);
    const expected = await readLogits(large, ids);
    const small = await model.createSequence(8);
    for (const round of [1, 2]) {
      const parts: number[] = [];
      for (let start = 0; start < ids.length; start += BLOCK_SIZE) {
        parts.push(...(await readLogits(small, ids.slice(start, start + BLOCK_SIZE))));
      }
      // Keys are summed over more segments, in another order.
      expect(relativeError(parts, expected), `round ${round}`).toBeLessThan(2e-6);
      small.clear();
    }
    small.destroy();
    large.destroy();
  });

  it("interleaved with another on the same model, and with another model, equals one alone", async () => {
    const expected = [await readFresh(PREFIX, BRANCHES.A), await readFresh(BRANCHES.B, PREFIX)];
    const otherModel = await Model.load(session(), source, { blockSize: BLOCK_SIZE });
    const [first, second] = [await model.createSequence(RESERVED), await otherModel.createSequence(RESERVED)];
    await Promise.all([readLogits(first, PREFIX), readLogits(second, BRANCHES.B)]);
    expect(await Promise.all([readLogits(first, BRANCHES.A), readLogits(second, PREFIX)])).toEqual(expected);
    first.destroy();
    second.destroy();
    otherModel.destroy();
  });

  it("sums the loss that the reference's logits give", async () => {
    const ids = idsFrom(8, 50);
    const sequence = await model.createSequence(64);
    const loss = await sequence.prefill(ids, { output: "loss" });
    const weights = await readReferenceWeights(source);
    const logits = referenceForward(weights, createReferenceState(weights.config), ids);
    let expected = 0;
    for (let token = 0; token + 1 < ids.length; token++) {
      const row = logits.subarray(token * 300, (token + 1) * 300);
      expected += Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - row[ids[token + 1]!]!;
    }
    expect(Math.abs(loss! - expected) / expected).toBeLessThan(1e-6);
    sequence.destroy();
  });

  it("aborted in a long prefill stands at a block boundary and tells how far it read", async () => {
    const sequence = await model.createSequence(512);
    const abort = new AbortController();
    const told: number[] = [];
    const onProgress = (numTokens: number) => {
      told.push(numTokens);
      if (numTokens >= 48) abort.abort();
    };
    const result = await sequence.prefill(idsFrom(7, 400), {
      output: "last",
      ...DRAW,
      signal: abort.signal,
      onProgress,
    });
    expect(result).toBeUndefined();
    expect(told.slice(0, 3)).toEqual([16, 32, 48]);
    expect(sequence.position % BLOCK_SIZE).toBe(0);
    expect(sequence.position).toBeGreaterThanOrEqual(48);
    expect(sequence.position).toBeLessThan(400);
    sequence.destroy();
  });

  it("refuses ids that are none, or none of the vocabulary's, and changes nothing", async () => {
    const sequence = await model.createSequence(RESERVED);
    await readLogits(sequence, PREFIX);
    const read = (ids: number[]) => sequence.prefill(ids, { output: "last", ...DRAW });
    await expect(read([])).rejects.toThrow("prefill: expected at least one id, got none");
    await expect(read([1, 300])).rejects.toThrow("prefill: expected ids below 300, got 300");
    await expect(read([1, -1])).rejects.toThrow("prefill: expected ids below 300, got -1");
    await expect(sequence.replay([1])).rejects.toThrow("replay: expected a pending token, got none");
    expect(await readLogits(sequence, BRANCHES.A)).toEqual(await readFresh(PREFIX, BRANCHES.A));
    sequence.destroy();
  });
});

describe("KV segments", () => {
  it("grow by half of what is there, a block at least, however much is asked for", async () => {
    const lengthsAfter = async (reserved: number, ...asked: readonly number[]) => {
      const sequence = await model.createSequence(reserved);
      for (const numTokens of asked) await sequence.reserve(numTokens);
      const { segmentLengths } = sequence;
      sequence.destroy();
      return segmentLengths;
    };
    expect(await lengthsAfter(100)).toEqual([100]);
    expect(await lengthsAfter(100, 100)).toEqual([100]);
    expect(await lengthsAfter(100, 101)).toEqual([100, 50]);
    expect(await lengthsAfter(100, 110, 300)).toEqual([100, 50, 75, 112]);
    expect(await lengthsAfter(100, 300)).toEqual([100, 50, 75, 112]);
    expect(await lengthsAfter(8, 41)).toEqual([8, 16, 16, 20]);
  });
});

describe("a snapshot", () => {
  it("holds what every token changes, and no keys", async () => {
    const bytesOf = (kind: string) =>
      session()
        .ledger.totals()
        .find((total) => total.kind === kind)?.allocatedBytes ?? 0;
    const before = bytesOf("recurrent state");
    const sequence = await model.createSequence(64);
    const stateBytes = bytesOf("recurrent state") - before;
    await readLogits(sequence, PREFIX);
    const [snapshotBytes, keyBytes] = [bytesOf("snapshots"), bytesOf("KV cache")];
    const snapshot = sequence.snapshot();
    expect(bytesOf("snapshots") - snapshotBytes).toBe(stateBytes);
    expect(bytesOf("KV cache")).toBe(keyBytes);
    snapshot.destroy();
    sequence.destroy();
  });

  it("of a sequence that was destroyed is refused", async () => {
    const [first, second] = [await model.createSequence(RESERVED), await model.createSequence(RESERVED)];
    await readLogits(first, PREFIX);
    const snapshot = first.snapshot();
    first.destroy();
    await readLogits(second, BRANCHES.A);
    expect(() => second.restore(snapshot)).toThrow(new StaleSnapshotError("snapshot", 40, 0));
    expect(second.position).toBe(BRANCHES.A.length);
    snapshot.destroy();
    second.destroy();
  });
});

describe("the ledger", () => {
  it("knows used KV bytes exactly, and is empty when all is destroyed", async () => {
    const before = session().ledger.allocatedBytes;
    const own = await Model.load(session(), source, { blockSize: BLOCK_SIZE });
    const sequence = await own.createSequence(100);
    const usedBytes = () =>
      session()
        .ledger.totals()
        .find(({ kind }) => kind === "KV cache")!.usedBytes;
    const start = usedBytes();
    await readLogits(sequence, idsFrom(1, 37));
    // One softmax layer with one KV head of 32: key and value, in f32.
    expect(usedBytes() - start).toBe(37 * 2 * 32 * 4);
    sequence.clear();
    expect(usedBytes()).toBe(start);
    sequence.destroy();
    own.destroy();
    expect(session().ledger.allocatedBytes).toBe(before);
  });
});
