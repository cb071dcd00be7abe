// A race of small models: what it says of memory is held to the configs, and of loss to the float64 reference.

import { beforeAll, describe, expect, it } from "vitest";
import { type Contender, stateSizeOf } from "../../src/compare/contender.ts";
import type { RaceLane, ReadPoint, WritePoint } from "../../src/compare/race-result.ts";
import { writePositions } from "../../src/compare/race-result.ts";
import { runLane } from "../../src/compare/race.ts";
import { stateBytesAt } from "../../src/compare/state-size.ts";
import { createReferenceState, referenceForward } from "../../src/reference/model.ts";
import { readReferenceWeights } from "../../src/reference/weights.ts";
import { useSession } from "../gpu/harness.ts";
import { configOf, createContender, makeIds, type Mode, sourceOf } from "./made-up-contender.ts";

const session = useSession();
const IDS = makeIds(75);
const BLOCK_SIZE = 32;
const POSITIONS = [32, 64, 75];
const MODES: readonly Mode[] = ["hybrid", "softmax"];

const told: { reads: ReadPoint[]; writes: WritePoint[] } = { reads: [], writes: [] };
const contenders = new Map<Mode, Contender>();
const lanes = new Map<Mode, RaceLane>();
/** Bytes that each race left behind. */
const leaks = new Map<Mode, number>();

beforeAll(async () => {
  for (const mode of MODES) {
    const contender = await createContender(session(), mode);
    contenders.set(mode, contender);
    const { ledger } = contender.model.session;
    const before = ledger.allocatedBytes;
    lanes.set(
      mode,
      await runLane(contender, IDS, {
        writeAt: [75],
        writeRuns: 2,
        onRead: (point) => told.reads.push(point),
        onWrite: (point) => told.writes.push(point),
      }),
    );
    leaks.set(mode, ledger.allocatedBytes - before);
  }
});

describe.each(MODES)("a race of %s", (mode) => {
  it("tells a point a block, and writing where it was wanted", () => {
    const { reads, writes, blockSize, isComplete } = lanes.get(mode)!;
    expect(blockSize).toBe(BLOCK_SIZE);
    expect(reads.map(({ position }) => position)).toEqual(POSITIONS);
    expect(writes.map(({ position }) => position)).toEqual([75]);
    expect(isComplete).toBe(true);
    for (const { msPerToken } of [...reads, ...writes]) expect(msPerToken).toBeGreaterThan(0);
    const elapsed = reads.map(({ elapsedMs }) => elapsedMs);
    expect(elapsed).toEqual([...elapsed].sort((a, b) => a - b));
    const total = reads.reduce((sum, { msPerToken }, i) => sum + msPerToken * [32, 32, 11][i]!, 0);
    expect(total).toBeCloseTo(elapsed.at(-1)!, 6);
  });

  it("uses the bytes that the config says, at every point", () => {
    const { reads, stateSize } = lanes.get(mode)!;
    const { model } = contenders.get(mode)!;
    expect(stateSize).toEqual(stateSizeOf(configOf(mode), "f16"));
    const weights = [...model.weights.buffers].reduce((sum, { size }) => sum + size, 0);
    for (const { position, used } of reads) {
      expect(used.recurrentState).toBe(stateSize.fixedBytes);
      expect(used.recurrentState + used.keys).toBe(stateBytesAt(stateSize, position));
      expect(used.weights).toBe(weights);
      expect(used.other).toBe(reads[0]!.used.other);
    }
  });

  it("has the reference's loss, block by block, across the blocks' borders", async () => {
    const weights = await readReferenceWeights(sourceOf(mode));
    const { vocabSize } = weights.config;
    const logits = referenceForward(weights, createReferenceState(weights.config), IDS);
    const losses = IDS.slice(1).map((id, index) => {
      const row = logits.subarray(index * vocabSize, (index + 1) * vocabSize);
      const largest = row.reduce((most, value) => Math.max(most, value), -Infinity);
      return largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0)) - row[id]!;
    });
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const expected = [losses.slice(0, 32), losses.slice(32, 64), losses.slice(64)].map(mean);
    const got = lanes.get(mode)!.reads.map(({ loss }) => loss!);
    for (const [block, loss] of got.entries()) expect(loss / expected[block]! - 1).toBeCloseTo(0, 3);
  });
});

it("every point is told as it is found, and no buffer is left behind", () => {
  expect(told.reads).toEqual([...lanes.values()].flatMap(({ reads }) => reads));
  expect(told.writes).toEqual([...lanes.values()].flatMap(({ writes }) => writes));
  expect([...leaks.values()]).toEqual([0, 0]);
});

it("a race that is ended keeps its points, and says that it is not complete", async () => {
  const controller = new AbortController();
  const { reads, writes, isComplete } = await runLane(contenders.get("hybrid")!, IDS, {
    writeAt: [75],
    writeRuns: 1,
    signal: controller.signal,
    onRead: () => controller.abort(),
  });
  expect(reads.length).toBeGreaterThan(0);
  expect(reads.length).toBeLessThan(POSITIONS.length);
  expect([writes, isComplete]).toEqual([[], false]);
});

it("writing is timed at doublings of the length, the last at its end", () => {
  expect(writePositions(1000)).toEqual([125, 250, 500, 1000]);
  expect(writePositions(256, 2)).toEqual([64, 91, 128, 181, 256]);
  expect(writePositions(10)).toEqual([10]);
});
