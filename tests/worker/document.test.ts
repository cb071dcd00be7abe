import { expect, test } from "vitest";
import { ReadingMeter } from "../../src/document/reading.ts";
import type { TextSource } from "../../src/document/text-source.ts";
import type { DocumentWindow } from "../../src/worker/messages-document.ts";
import {
  answer,
  type EngineUnderTest,
  type EventOf,
  load,
  SAMPLING,
  settle,
  startEngine,
  useSite,
} from "./engine-under-test.ts";

const site = useSite();

const SAMPLE: TextSource = { kind: "sample", seed: 5, numTokens: 400, depths: [0.2, 0.8] };
/** Of many blocks: a pause comes before the last. */
const LONGER: TextSource = { ...SAMPLE, numTokens: 1500 };

/** In blocks of which a sample has several on any GPU. */
async function loadInBlocks(): Promise<EngineUnderTest> {
  const engine = startEngine();
  await load(engine, "default", { blockSize: 128 });
  return engine;
}

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
  site.slowDown();
  const engine = await loadInBlocks();
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
  site.slowDown();
  const engine = await loadInBlocks();
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
  site.slowDown();
  const engine = await loadInBlocks();
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
  site.slowDown();
  const engine = await loadInBlocks();
  const { outline } = await open(engine);
  await read(engine, 1, { first: 16, last: 64 });
  const used = pointsOf(engine).map(({ keyAllocatedBytes }) => keyAllocatedBytes);
  expect(new Set(used).size).toBe(1);
  expect(used[0]!).toBeLessThan(outline.numTokens * outline.keyBytesPerToken);
  expect(await ask(engine, 1, "What happened?")).not.toBe("");
});

test("memory that is full is a pause: what was read answers, more memory reads on, constant memory reads all", async () => {
  const engine = startEngine();
  await load(engine, "default", { blockSize: 16 });
  const { outline } = await open(engine, 1, LONGER);
  await read(engine);
  const undisturbed = await ask(engine, 1, "What happened?");
  const [first, last] = [pointsOf(engine)[0]!, pointsOf(engine).at(-1)!];
  expect(last.keyAllocatedBytes).toBeGreaterThan(first.keyAllocatedBytes);
  const numPoints = pointsOf(engine).length;

  await open(engine, 2, LONGER);
  engine.send({ kind: "setMemoryBudget", bytes: last.totalBytes - 1024 });
  engine.send({ kind: "readDocument", document: 2, keyWindow: null });
  const full = await engine.wait("documentPaused", "documentRead", "documentFailed");
  expect(full).toMatchObject({ kind: "documentPaused", isFull: true });
  const { readTokens } = full as EventOf<"documentPaused">;
  expect(readTokens).toBeGreaterThan(0);
  expect(readTokens).toBeLessThan(outline.numTokens);
  expect(pointsOf(engine).length).toBeGreaterThan(numPoints);
  expect(
    Math.max(
      ...pointsOf(engine)
        .slice(numPoints)
        .map(({ totalBytes }) => totalBytes),
    ),
  ).toBeLessThan(last.totalBytes);
  expect(await ask(engine, 2, "What happened?", 2)).not.toBe("");

  engine.send({ kind: "setMemoryBudget", bytes: Infinity });
  await read(engine, 2);
  expect(await ask(engine, 3, "What happened?", 2)).toBe(undisturbed);

  engine.send({ kind: "setMemoryBudget", bytes: last.totalBytes - 1024 });
  engine.send({ kind: "readDocumentAnew", document: 2, keyWindow: { first: 16, last: 64 } });
  expect((await engine.wait("documentRead", "documentPaused")).readTokens).toBe(outline.numTokens);
  const { keyAllocatedBytes } = pointsOf(engine).at(-1)!;
  expect(keyAllocatedBytes).toBeLessThan(first.keyAllocatedBytes);
  expect(await ask(engine, 4, "What happened?", 2)).not.toBe("");
});

test("a question that does not fit into memory ends its turn, and the document stays", async () => {
  const engine = await loadInBlocks();
  await open(engine);
  await read(engine);
  const answered = await ask(engine, 1, "What happened?");
  engine.send({ kind: "setMemoryBudget", bytes: pointsOf(engine).at(-1)!.totalBytes });
  const question = "What happened then? ".repeat(400);
  engine.send({ kind: "askDocument", document: 1, turn: 2, question, sampling: SAMPLING, maxTokens: 8 });
  expect(await engine.wait("documentTurnEnded", "documentFailed")).toMatchObject({ turn: 2, reason: "memory" });
  expect(await ask(engine, 3, "What happened?")).toBe(answered);
});

test("a text that there is no room for is told, and the chat goes on", async () => {
  const engine = await loadInBlocks();
  await answer(engine, 1, "Hello!");
  engine.send({ kind: "setMemoryBudget", bytes: 64_000 });
  engine.send({ kind: "openDocument", document: 1, source: SAMPLE });
  expect(await engine.wait("documentFailed")).toMatchObject({ failure: { kind: "memory-budget" } });
  await answer(engine, 2, "Hello!");
});

test("an answer can be stopped, and the next question starts from the document again", async () => {
  const engine = await loadInBlocks();
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
  const engine = await loadInBlocks();
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

test("a text of a single block is measured, too", async () => {
  const engine = await loadInBlocks();
  const { outline } = await open(engine, 1, { kind: "text", name: "Short", text: "The red key lies here. " });
  await read(engine);
  expect(pointsOf(engine).map(({ numTokens }) => numTokens)).toEqual([outline.numTokens]);
});

test("a file that is no text is refused, and says so", async () => {
  const engine = await loadInBlocks();
  const file = new Blob([new Uint8Array([1, 0, 2])]);
  engine.send({ kind: "openDocument", document: 1, source: { kind: "file", name: "a.bin", file } });
  expect(await engine.wait("documentFailed")).toMatchObject({
    failure: { kind: "bad-document", message: "a.bin: expected text, HTML or PDF, got bytes that are none" },
  });
});

test("a meter leaves out of a token's time what was spent on something else, and counts it for the speed", () => {
  const meter = new ReadingMeter(0, 0);
  meter.advance(20, 20, false);
  meter.leaveOut(900);
  expect(meter.advance(30, 930, false)).toBeUndefined();
  const { msPerToken, tokensPerSecond } = meter.advance(120, 1020, false)!;
  expect(msPerToken).toBe(1);
  expect(tokensPerSecond).toBeLessThan(500);
  expect(meter.advance(140, 1040, false)!.msPerToken).toBe(1);
});

test("a meter tells a few last tokens with those before them, since a short block takes longer for each", () => {
  const meter = new ReadingMeter(0, 0);
  expect(meter.advance(128, 128, false)!.msPerToken).toBe(1);
  expect(meter.advance(138, 218, true)!.msPerToken).toBe((128 + 90) / 138);
  const longer = new ReadingMeter(0, 0);
  longer.advance(128, 128, false);
  expect(longer.advance(228, 328, true)!.msPerToken).toBe(2);
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
