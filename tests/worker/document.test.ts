import { expect, test } from "vitest";
import { ReadingMeter } from "../../src/document/reading.ts";
import type { TextSource } from "../../src/document/text-source.ts";
import type { DocumentWindow } from "../../src/worker/messages-document.ts";
import { answer, type EngineUnderTest, loadEngine, SAMPLING, settle, useSite } from "./engine-under-test.ts";

useSite();

const SAMPLE: TextSource = { kind: "sample", seed: 5, numTokens: 400, depths: [0.2, 0.8] };
/** Of many blocks: a pause comes before the last. */
const LONGER: TextSource = { ...SAMPLE, numTokens: 1500 };

async function open(engine: EngineUnderTest, document = 1, source: TextSource = SAMPLE) {
  engine.send({ kind: "openDocument", document, source });
  const opened = await engine.wait("documentOpened", "documentFailed");
  if (opened.kind === "documentFailed") throw new Error(opened.failure.message);
  return opened;
}

async function read(engine: EngineUnderTest, document = 1, keyWindow: DocumentWindow | null = null): Promise<number> {
  engine.send({ kind: "readDocument", document, keyWindow });
  return (await engine.wait("documentRead")).readTokens;
}

async function ask(engine: EngineUnderTest, turn: number, question: string, document = 1): Promise<string> {
  engine.send({ kind: "askDocument", document, turn, question, sampling: SAMPLING, maxTokens: 8 });
  const ended = await engine.wait("documentTurnEnded", "documentFailed");
  expect(ended).toMatchObject({ kind: "documentTurnEnded", turn });
  return answerTo(engine, turn);
}

function answerTo({ events }: EngineUnderTest, turn: number): string {
  return events.flatMap((event) => (event.kind === "documentText" && event.turn === turn ? [event.text] : [])).join("");
}

function pointsOf({ events }: EngineUnderTest) {
  return events.flatMap((event) => (event.kind === "documentReading" ? [event.point] : []));
}

test("a sample is counted, read with every byte told, and answers questions from the same state again and again", async () => {
  const engine = await loadEngine();
  const { outline, estimatedMs } = await open(engine);
  expect(outline.facts).toHaveLength(2);
  expect(outline.numTokens).toBeGreaterThan(350);
  expect(estimatedMs).toBeGreaterThan(0);
  expect(await read(engine)).toBe(outline.numTokens);
  const points = pointsOf(engine);
  expect(points.length).toBeGreaterThan(1);
  expect(points.at(-1)!.numTokens).toBe(outline.numTokens);
  for (const { numTokens, stateBytes, keyUsedBytes, keyAllocatedBytes } of points) {
    expect(stateBytes).toBe(points[0]!.stateBytes);
    // Up to two blocks more may be in flight than are told.
    const ahead = keyUsedBytes / outline.keyBytesPerToken - numTokens;
    expect(ahead).toBeGreaterThanOrEqual(0);
    expect(ahead).toBeLessThanOrEqual(256);
    expect(keyAllocatedBytes).toBeGreaterThanOrEqual(keyUsedBytes);
  }
  const first = await ask(engine, 1, outline.facts[0]!.question);
  await ask(engine, 2, "Something else entirely?");
  expect(await ask(engine, 3, outline.facts[0]!.question)).toBe(first);
  const verdicts = engine.events.flatMap((event) => (event.kind === "documentTurnEnded" ? [event.verdict] : []));
  expect(verdicts.map((verdict) => verdict?.expected)).toEqual([
    outline.facts[0]!.answer,
    undefined,
    outline.facts[0]!.answer,
  ]);
});

test("a reading with pauses, and questions in between, ends in the same state as one without", async () => {
  const engine = await loadEngine();
  const { outline } = await open(engine, 1, LONGER);
  await read(engine);
  const undisturbed = await ask(engine, 1, "What happened?");
  await open(engine, 2, LONGER);
  engine.send({ kind: "readDocument", document: 2, keyWindow: null });
  await engine.wait("documentReading");
  engine.send({ kind: "pauseDocument", document: 2 });
  const { readTokens } = await engine.wait("documentPaused");
  expect(readTokens).toBeLessThan(outline.numTokens);
  const halfway = await ask(engine, 2, "What happened?", 2);
  // The chat has the GPU meanwhile.
  await answer(engine, 1, "Hello!");
  await read(engine, 2);
  expect(await ask(engine, 3, "What happened?", 2)).toBe(undisturbed);
  expect(halfway).not.toBe(undisturbed);
});

test("a reading that is stopped is a document of its own, as far as it was read", async () => {
  const engine = await loadEngine();
  const { outline } = await open(engine, 1, LONGER);
  engine.send({ kind: "readDocument", document: 1, keyWindow: null });
  await engine.wait("documentReading");
  engine.send({ kind: "pauseDocument", document: 1 });
  const { readTokens } = await engine.wait("documentPaused");
  engine.send({ kind: "endDocument", document: 1 });
  expect(await engine.wait("documentRead")).toMatchObject({ readTokens });
  expect(readTokens).toBeLessThan(outline.numTokens);
  expect(await ask(engine, 1, "What happened?")).not.toBe("");
});

test("with constant memory, keys take no more than their window", async () => {
  const engine = await loadEngine();
  const { outline } = await open(engine);
  await read(engine, 1, { first: 16, last: 64 });
  const used = pointsOf(engine).map(({ keyAllocatedBytes }) => keyAllocatedBytes);
  expect(new Set(used).size).toBe(1);
  expect(used[0]!).toBeLessThan(outline.numTokens * outline.keyBytesPerToken);
  expect(await ask(engine, 1, "What happened?")).not.toBe("");
});

test("an answer can be stopped, and the next question starts from the document again", async () => {
  const engine = await loadEngine();
  await open(engine);
  await read(engine);
  const whole = await ask(engine, 1, "What happened?");
  engine.send({ kind: "askDocument", document: 1, turn: 2, question: "And?", sampling: SAMPLING, maxTokens: 500 });
  await engine.wait("documentText");
  engine.send({ kind: "stopDocumentAnswer", turn: 2 });
  expect(await engine.wait("documentTurnEnded")).toMatchObject({ turn: 2, reason: "stopped", verdict: null });
  expect(await ask(engine, 3, "What happened?")).toBe(whole);
});

test("a document that is closed frees the GPU's memory, and answers nothing any more", async () => {
  const engine = await loadEngine();
  const bytesOf = () => engine.events.findLast((event) => event.kind === "ledger")!.lines;
  await answer(engine, 1, "Hello!");
  await settle();
  const before = bytesOf();
  await open(engine);
  await read(engine);
  await ask(engine, 1, "What happened?");
  engine.send({ kind: "closeDocument", document: 1 });
  await answer(engine, 2, "Hello!");
  await settle();
  const kinds = (lines: typeof before) =>
    lines.filter(({ kind }) => ["recurrent state", "KV cache", "snapshots"].includes(kind));
  expect(kinds(bytesOf()).map(({ allocatedBytes }) => allocatedBytes)).toEqual(
    kinds(before).map(({ allocatedBytes }) => allocatedBytes),
  );
  engine.send({ kind: "askDocument", document: 1, turn: 9, question: "Still?", sampling: SAMPLING, maxTokens: 4 });
  expect(await engine.wait("documentTurnEnded")).toMatchObject({ turn: 9, reason: "stopped" });
});

test("a file that is no text is refused, and says so", async () => {
  const engine = await loadEngine();
  const file = new Blob([new Uint8Array([1, 0, 2])]);
  engine.send({ kind: "openDocument", document: 1, source: { kind: "file", name: "a.bin", file } });
  expect(await engine.wait("documentFailed")).toMatchObject({
    failure: { kind: "bad-document", message: "a.bin: expected text, HTML or PDF, got bytes that are none" },
  });
});

test("a meter tells speeds at most sixty times a second, and the last tokens always", () => {
  const meter = new ReadingMeter(0, 0);
  expect(meter.advance(10, 10, false)).toBeUndefined();
  expect(meter.advance(20, 20, false)).toEqual({ msPerToken: 1, tokensPerSecond: 1000 });
  expect(meter.advance(25, 25, false)).toBeUndefined();
  expect(meter.advance(30, 30, true)!.msPerToken).toBe(1);
  expect(meter.advance(30, 90, true)).toBeUndefined();
  const { tokensPerSecond } = meter.advance(1030, 4030, false)!;
  expect(tokensPerSecond).toBeGreaterThan(250);
  expect(tokensPerSecond).toBeLessThan(400);
});
