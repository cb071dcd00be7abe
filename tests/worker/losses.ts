// Devices lost at seeded moments: what the tests of this folder and of tests/long share.

import { expect } from "vitest";
import { createRandom } from "../../src/bench/made-up-source.ts";
import type { SamplingSettings } from "../../src/worker/messages-model.ts";
import { type EngineUnderTest, load, SAMPLING, type ControlledSite, startEngine, textOf } from "./engine-under-test.ts";

const SEEDED: SamplingSettings = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 5 };
const NUM_TOKENS = 10;

function ask(engine: EngineUnderTest, turn: number, text: string, sampling: SamplingSettings): Promise<string> {
  engine.send({ kind: "send", turn, text, sampling, maxTokens: NUM_TOKENS });
  return finish(engine, turn);
}

export async function finish(engine: EngineUnderTest, turn: number): Promise<string> {
  expect(await engine.wait("turnEnded", "turnFailed", "loadFailed", "gpuGivenUp")).toMatchObject({
    kind: "turnEnded",
    turn,
  });
  return textOf(engine, turn);
}

export async function beginAnew(engine: EngineUnderTest): Promise<void> {
  engine.send({ kind: "newChat", systemPrompt: "" });
  await engine.wait("chatCleared");
}

/** Loses a device at so many seeded moments of loading, and of reading and writing; fails when an answer is another than
 * without. Each moment compiles all kernels. */
export async function loseDevicesAt(site: ControlledSite, numLoading: number, numAnswering: number): Promise<void> {
  const random = createRandom(3);
  /** A call from the first to the last of so many. */
  const drawCall = (numCalls: number) => 1 + Math.floor(((random() + 1) / 2) * numCalls);
  site.loseDevices(0);
  const engine = startEngine();
  let numBefore = site.numCalls;
  await load(engine);
  const numLoadCalls = site.numCalls - numBefore;
  let turn = 0;
  const expected = [];
  for (const sampling of [SAMPLING, SEEDED]) {
    await beginAnew(engine);
    const first = await ask(engine, ++turn, "Hello!", sampling);
    numBefore = site.numCalls;
    const second = await ask(engine, ++turn, "Tell me more than that.", sampling);
    expected.push({ sampling, first, second, numCalls: site.numCalls - numBefore });
  }
  expect(expected[0]!.second).not.toBe(expected[1]!.second);

  for (let moment = 0; moment < numLoading; moment++) {
    site.loseDevices(1);
    const at = drawCall(numLoadCalls);
    site.lossAtCall = site.numCalls + at;
    await load(engine);
    expect(site.numCalls, `loss at call ${at} of loading`).toBeGreaterThan(site.lossAtCall + numLoadCalls / 2);
    const { sampling, first } = expected[moment % 2]!;
    expect(await ask(engine, ++turn, "Hello!", sampling), `after a loss at call ${at} of loading`).toBe(first);
  }
  site.loseDevices(numAnswering);
  await load(engine);
  for (let moment = 0; moment < numAnswering; moment++) {
    const { sampling, first, second, numCalls } = expected[moment % 2]!;
    await beginAnew(engine);
    expect(await ask(engine, ++turn, "Hello!", sampling)).toBe(first);
    const at = drawCall(numCalls);
    site.lossAtCall = site.numCalls + at;
    const numRestored = engine.events.filter(({ kind }) => kind === "restored").length;
    expect(await ask(engine, ++turn, "Tell me more than that.", sampling), `loss at call ${at} of ${numCalls}`).toBe(
      second,
    );
    const texts = engine.events.filter((event) => event.kind === "text" && event.turn === turn);
    const counts = texts.map((event) => (event.kind === "text" ? event.generatedTokens : 0));
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    expect(engine.events.filter(({ kind }) => kind === "restored").length - numRestored, `loss at call ${at}`).toBe(1);
  }
  expect(site.devices).toHaveLength(1 + 2 * numLoading + 1 + numAnswering);
}
