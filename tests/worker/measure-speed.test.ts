import { beforeAll, expect, test } from "vitest";
import { GpuSession } from "../../src/gpu/session.ts";
import { MemoryBudget } from "../../src/gpu/memory-budget.ts";
import { Model } from "../../src/model/model.ts";
import { measureSpeed } from "../../src/worker/measure-speed.ts";
import { readShaders } from "../../scripts/node/shaders.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../gpu/made-up-model.ts";
import { openSharedGpu } from "../gpu/shared-gpu.ts";

const BLOCK_SIZE = 16;
const ASSUMED_GROWTH = 1e-6;
/** Long enough for its growth to be measured. */
const LONG = Uint32Array.from({ length: 4096 }, (_, index) => (index * 7) % 8192);

let model: Model;
const memory = new MemoryBudget();

beforeAll(async () => {
  const session = await GpuSession.open(await openSharedGpu(), { shaders: readShaders(), memory });
  const source = createMadeUpSource(MADE_UP_CONFIG, createMadeUpWeights(MADE_UP_CONFIG, 3));
  model = await Model.load(session, source, { blockSize: BLOCK_SIZE });
  return () => session.close();
});

test("on a GPU up to sixteen blocks and some far from the beginning are read, and nothing of them stays", async () => {
  const { allocatedBytes } = model.session.ledger;
  const { msPerToken, at, growth } = await measureSpeed(model, LONG, ASSUMED_GROWTH, false);
  expect(msPerToken).toBeGreaterThan(0);
  expect(at).toBeLessThanOrEqual((16 * BLOCK_SIZE) / 2);
  expect(growth).toBeGreaterThanOrEqual(0);
  expect(model.session.ledger.allocatedBytes).toBe(allocatedBytes);
});

test("the growth is assumed where it is none, where a text is short, and where there is no room to measure it", async () => {
  const growthOf = async (ids: Uint32Array, assumed: number) => (await measureSpeed(model, ids, assumed, false)).growth;
  expect(await growthOf(LONG, 0)).toBe(0);
  expect(await growthOf(LONG.subarray(0, 40), ASSUMED_GROWTH)).toBe(ASSUMED_GROWTH);
  const { budgetBytes } = memory;
  // Room for sixteen blocks, not for 4,096 tokens.
  memory.budgetBytes = memory.usedBytes + 250_000;
  expect(await growthOf(LONG, ASSUMED_GROWTH)).toBe(ASSUMED_GROWTH);
  memory.budgetBytes = budgetBytes;
});

test("a software adapter reads some tokens only", async () => {
  expect(await measureSpeed(model, LONG, ASSUMED_GROWTH, true)).toMatchObject({ at: 8, growth: ASSUMED_GROWTH });
});
