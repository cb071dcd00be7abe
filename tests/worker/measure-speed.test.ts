import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MemoryBudgetError } from "../../src/gpu/memory-budget.ts";
import type { ChatModel } from "../../src/chat/chat-model.ts";
import type { Model } from "../../src/model/model.ts";
import type { Gpu } from "../../src/worker/gpu-host.ts";
import { measureSpeed } from "../../src/worker/measure-speed.ts";
import { SpeedGauge } from "../../src/worker/speed-gauge.ts";
import { MADE_UP_CONFIG } from "../gpu/made-up-model.ts";

const BLOCK_SIZE = 512;
const ASSUMED_GROWTH = 5.4e-5;
const LONG = new Uint32Array(131_072);

/** Of a made-up GPU. */
interface Pace {
  readonly isSoftware?: boolean;
  /** What a token at the very beginning takes, and a call besides its tokens. */
  readonly firstMs: number;
  readonly callMs: number;
  readonly growth: number;
  /** Tokens for which a sequence has room at most. */
  readonly mostTokens?: number;
}

const FAST: Pace = { firstMs: 0.007, callMs: 4, growth: 2.4e-5 };

let nowMs = 0;
/** Of each call: position and number of tokens. */
let calls: [number, number][] = [];
let numOpen = 0;

beforeEach(() => {
  [nowMs, calls, numOpen] = [0, [], 0];
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A model whose sequences take their time without reading anything. */
function createModel({ isSoftware = false, firstMs, callMs, growth, mostTokens = Infinity }: Pace): Model {
  const createSequence = async (numTokens: number) => {
    if (numTokens > mostTokens) throw new MemoryBudgetError("sequence", numTokens, 0, mostTokens);
    numOpen += 1;
    let position = 0;
    return {
      clear: () => (position = 0),
      assume: (length: number) => (position = length),
      prefill: async ({ length }: Uint32Array) => {
        calls.push([position, length]);
        nowMs += callMs + firstMs * (length + growth * length * (position + length / 2));
        position += length;
      },
      destroy: () => (numOpen -= 1),
    };
  };
  const adapterInfo = { vendor: isSoftware ? "google" : "test", architecture: isSoftware ? "swiftshader" : "" };
  return {
    config: MADE_UP_CONFIG,
    blockSize: BLOCK_SIZE,
    session: { adapterInfo },
    createSequence,
  } as unknown as Model;
}

const measure = (pace: Pace, ids: Uint32Array, signal = new AbortController().signal) =>
  measureSpeed(createModel(pace), ids, { assumedGrowth: ASSUMED_GROWTH, signal });

test("a fast GPU reads more and more blocks, and some far into the text, which tell what a token takes anywhere", async () => {
  const { msPerToken, at, growth, textLength } = await measure(FAST, LONG);
  expect(calls).toEqual([
    ...[512, 512, 1024, 2048, 4096, 8192].map((length) => [0, length]),
    [32_768, 512],
    [32_768, 4096],
  ]);
  const tokenMs = (position: number) => (msPerToken * (1 + growth * position)) / (1 + growth * at);
  for (const position of [1000, 30_000, 1_000_000]) {
    const trueMs = FAST.firstMs * (1 + FAST.growth * position);
    expect(tokenMs(position) / trueMs).toBeGreaterThan(0.9);
    expect(tokenMs(position) / trueMs).toBeLessThan(1.15);
  }
  expect(textLength).toBe(Infinity);
  expect(numOpen).toBe(0);
});

test("a slow GPU reads one block, and its growth is assumed", async () => {
  const { msPerToken, growth, textLength } = await measure({ firstMs: 3, callMs: 0, growth: 0 }, LONG);
  expect(calls).toEqual([[0, 512]]);
  expect(msPerToken).toBeCloseTo(3, 3);
  expect(growth).toBe(ASSUMED_GROWTH);
  expect(textLength).toBe(Infinity);
});

test("a short text tells how long it is, so that a longer one is measured anew", async () => {
  const { growth, textLength } = await measure(FAST, LONG.subarray(0, 700));
  expect(calls.at(-1)).toEqual([0, 700]);
  expect(growth).toBe(ASSUMED_GROWTH);
  expect(textLength).toBe(700);
});

test("where memory is tight, fewer blocks are read; where there is none, that is told", async () => {
  const { growth } = await measure({ ...FAST, mostTokens: 2100 }, LONG);
  expect(Math.max(...calls.map(([, length]) => length))).toBe(2048);
  expect(growth).toBe(ASSUMED_GROWTH);
  await expect(measure({ ...FAST, mostTokens: 500 }, LONG)).rejects.toThrow(MemoryBudgetError);
  expect(numOpen).toBe(0);
});

test("a software adapter reads some tokens only", async () => {
  await measure({ ...FAST, isSoftware: true }, LONG);
  expect(calls).toEqual([[0, 32]]);
});

test("it ends when it is told to", async () => {
  const controller = new AbortController();
  controller.abort(new Error("closed"));
  await expect(measure(FAST, LONG, controller.signal)).rejects.toThrow("closed");
  expect(calls).toHaveLength(1);
  expect(numOpen).toBe(0);
});

test("what is known is measured again for a longer text that tells more, and on another GPU", async () => {
  const gauge = new SpeedGauge();
  const chat = { model: createModel(FAST), numParameters: 1e6 } as ChatModel;
  const { signal } = new AbortController();
  const gpu = {} as Gpu;
  const numCallsFor = async (on: Gpu, length: number): Promise<number> => {
    calls = [];
    await gauge.speedFor(on, chat, LONG.subarray(0, length), signal);
    return calls.length;
  };
  expect(await numCallsFor(gpu, 700)).toBeGreaterThan(0);
  expect(await numCallsFor(gpu, 600)).toBe(0);
  expect(await numCallsFor(gpu, 40_000)).toBeGreaterThan(0);
  expect(await numCallsFor(gpu, LONG.length)).toBe(0);
  expect(await numCallsFor({} as Gpu, 600)).toBeGreaterThan(0);
});
