// Long texts for the tests of this folder and of tests/long: read exactly, and in memory that is told to the byte.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "vitest";
import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import type { GpuSession } from "../../../src/gpu/session.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import type { Sequence } from "../../../src/model/sequence.ts";
import { readFixedState, readKeys, writeState } from "../../../src/model/state-bytes.ts";
import { createReferenceState, referenceForward } from "../../../src/reference/model.ts";
import { readReferenceWeights } from "../../../src/reference/weights.ts";
import { relativeError } from "../harness.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../made-up-model.ts";

export const TINY_CONFIG: ModelConfig = { ...MADE_UP_CONFIG, vocabSize: 64 };
const DRAW = { sampling: GREEDY, endTokenIds: [] };
const CHECKPOINTS = 10;
/** A uniform of a KV segment. */
const SEGMENT_BYTES = 16;

export function createTinySource() {
  return createMadeUpSource(TINY_CONFIG, createMadeUpWeights(TINY_CONFIG, 5));
}

export function makeIds(length: number, { vocabSize }: ModelConfig): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => (i * 7919 + (i % 613) * (i % 97)) % vocabSize);
}

/** Reads in blocks, with a snapshot and restore in the middle, and from there on in another sequence that was written from
 * bytes; gives the largest error of a logit against the reference in recurrent form. */
export async function readWithRestore(session: GpuSession, numTokens: number): Promise<number> {
  const source = createTinySource();
  const model = await Model.load(session, source, { blockSize: 64 });
  const ids = makeIds(numTokens, TINY_CONFIG);
  const middle = Math.floor(numTokens / 2);
  const first = await model.createSequence(256);
  const logits: Float32Array[] = [];
  await readLogits(first, ids.subarray(0, middle), logits);
  const snapshot = first.snapshot();
  await first.prefill(ids.subarray(0, 300), { output: "none" });
  first.restore(snapshot);
  const second = await model.createSequence(1000);
  await writeState(second, {
    log: first.log,
    pendingToken: first.pendingToken,
    fixedState: await readFixedState(first),
    keys: readKeys(first, 0, middle),
  });
  await readLogits(second, ids.subarray(middle), logits);
  snapshot.destroy();
  first.destroy();
  second.destroy();
  model.destroy();

  const weights = await readReferenceWeights(source);
  const state = createReferenceState(TINY_CONFIG);
  const errors = logits.map((found) => {
    const end = state.position + found.length / TINY_CONFIG.vocabSize;
    return relativeError(found, referenceForward(weights, state, ids.subarray(state.position, end)));
  });
  expect(state.position).toBe(numTokens);
  return Math.max(...errors);
}

async function readLogits(sequence: Sequence, ids: Uint32Array, logits: Float32Array[]): Promise<void> {
  const chunk = 1000;
  for (let start = 0; start < ids.length; start += chunk) {
    const taps = await sequence.prefill(ids.subarray(start, start + chunk), { output: "taps" });
    logits.push(taps!.get("logits")!.values);
  }
}

export interface Soak {
  readonly bytesPerToken: number;
  readonly segmentLengths: readonly number[];
  /** JavaScript's heap after collection, from a tenth of the text on. */
  readonly heapBytes: readonly number[];
  /** What array buffers grew by for each token. */
  readonly arrayBytesPerToken: number;
}

/** Reads a text, and at each tenth of it takes a snapshot, draws some tokens and goes back. Fails where the ledger tells
 * anything but keys growing by exactly what a token takes. */
export async function soak(model: Model, numTokens: number): Promise<Soak> {
  const { session, config } = model;
  const ids = makeIds(numTokens, config);
  const sequence = await model.createSequence(512);
  const { bytesPerToken } = sequence.core.state.kvCache;
  const heapBytes: number[] = [];
  const arrayBytes: number[] = [];
  let first: ReturnType<typeof readLedger> | undefined;
  for (let checkpoint = 1; checkpoint <= CHECKPOINTS; checkpoint++) {
    const end = Math.floor((numTokens * checkpoint) / CHECKPOINTS);
    await sequence.prefill(ids.subarray(sequence.position, end), { output: "last", ...DRAW });
    const snapshot = sequence.snapshot();
    for await (const _ of sequence.generate(DRAW, 8)) void _;
    sequence.restore(snapshot);
    snapshot.destroy();
    expect(sequence.position).toBe(end);
    const ledger = readLedger(session, sequence);
    first ??= ledger;
    expect(ledger.keys.usedBytes, `used bytes of keys after ${end} tokens`).toBe(end * bytesPerToken);
    expect(ledger.others, `everything else after ${end} tokens`).toEqual(first.others);
    expect(ledger.segmentTables).toBe(sequence.segmentLengths.length * SEGMENT_BYTES);
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    heapBytes.push(heapUsed);
    arrayBytes.push(arrayBuffers);
  }
  const { segmentLengths } = sequence;
  sequence.destroy();
  const arrayBytesPerToken = (arrayBytes.at(-1)! - arrayBytes[0]!) / (0.9 * numTokens);
  return { bytesPerToken, segmentLengths, heapBytes, arrayBytesPerToken };
}

/** The sequence's keys; the tables of its segments; and all other buffers, by kind. */
function readLedger({ ledger }: GpuSession, sequence: Sequence) {
  const label = (suffix: string) => ledger.entries().filter((entry) => entry.label.includes(suffix));
  const keys = label("KV cache segment");
  const tables = label(" segment ").filter((entry) => !keys.includes(entry));
  const sum = (entries: typeof keys, of: "usedBytes" | "allocatedBytes") =>
    entries.reduce((total, entry) => total + entry[of], 0);
  const rest = ledger.entries().filter((entry) => !keys.includes(entry) && !tables.includes(entry));
  const kinds = [...new Set(rest.map(({ kind }) => kind))].toSorted();
  return {
    keys: { usedBytes: sum(keys, "usedBytes"), numSegments: sequence.segmentLengths.length },
    segmentTables: sum(tables, "allocatedBytes"),
    others: kinds.map((kind) => {
      const entries = rest.filter((entry) => entry.kind === kind);
      return {
        kind,
        used: sum(entries, "usedBytes"),
        allocated: sum(entries, "allocatedBytes"),
        count: entries.length,
      };
    }),
  };
}

/** Largest heap of the last tenths over the first tenth's, less 1. */
export function heapGrowth({ heapBytes }: Soak): number {
  return Math.max(...heapBytes.slice(1)) / heapBytes[0]! - 1;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // Weak references are cleared in a second round.
  collect();
  collect();
}
