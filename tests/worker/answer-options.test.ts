import { expect, test } from "vitest";
import type { WorkerRequest } from "../../src/worker/messages.ts";
import type { LogitBias } from "../../src/worker/messages-chat.ts";
import { type EngineUnderTest, load, loadEngine, SAMPLING, textOf, useSite } from "./engine-under-test.ts";

useSite();

type SendRequest = Extract<WorkerRequest, { kind: "send" }>;

let numTurns = 0;

/** The end of the answer to the first message of a new conversation, and its text. */
async function ask(engine: EngineUnderTest, options: Partial<SendRequest>) {
  const turn = ++numTurns;
  engine.send({ kind: "newChat", systemPrompt: "" });
  engine.send({ kind: "send", turn, text: "Hello!", sampling: SAMPLING, maxTokens: 12, ...options });
  const event = await engine.wait("turnEnded", "turnFailed");
  return { event, text: textOf(engine, turn) };
}

test("an answer ends at a stop string, which is not told", async () => {
  const engine = await loadEngine();
  const { text } = await ask(engine, {});
  const stopString = text.slice(-8, -3);
  const expected = text.slice(0, text.indexOf(stopString));
  expect(expected.length).toBeGreaterThan(3);
  const stopped = await ask(engine, { stopStrings: ["never", stopString] });
  expect(stopped.text).toBe(expected);
  expect(stopped.event).toMatchObject({ kind: "turnEnded", reason: "stop-string" });
  expect(await ask(engine, { stopStrings: ["never"] })).toMatchObject({ text, event: { reason: "length" } });
});

test("a bias forbids what the answer would begin with, and forces what it would not", async () => {
  const engine = await loadEngine();
  const endBias = (bias: number): LogitBias[] => [{ tokenId: 2, bias }];
  const { text } = await ask(engine, { logitBias: endBias(-100) });
  expect(await ask(engine, { logitBias: endBias(100) })).toMatchObject({ text: "", event: { reason: "eos" } });
  expect((await ask(engine, { logitBias: endBias(-100) })).text).toBe(text);
});

test.each<[Partial<SendRequest>, string]>([
  [{ stopStrings: [""] }, "stopStrings: expected texts, got an empty one"],
  [{ logitBias: [{ tokenId: 8192, bias: 1 }] }, "logitBias: expected token ids from 0 to 8191, got 8192"],
  [{ logitBias: [{ tokenId: 1, bias: NaN }] }, "logitBias of token 1: expected a number from -100 to 100, got NaN"],
])("%j is refused, and loading again helps", async (options, message) => {
  const engine = await loadEngine();
  const { event } = await ask(engine, options);
  expect(event).toMatchObject({ kind: "turnFailed", failure: { kind: "internal", message } });
  await load(engine);
  expect((await ask(engine, {})).event).toMatchObject({ kind: "turnEnded" });
});
