import { describe, expect, test } from "vitest";
import { type ReadingPoint, ReadingRecord } from "../../src/document/reading-record.ts";
import { seriesOf } from "../../src/ui/state/reading-series.ts";
import { formatBytesTick, formatDuration, formatMsPerToken, formatShortCount } from "../../src/ui/quantities.ts";
import type { DocumentOutline } from "../../src/worker/messages-document.ts";
import { createReadyPage, TIMINGS } from "./test-page.ts";

const OUTLINE: DocumentOutline = {
  name: "A text",
  numTokens: 1000,
  numChars: 4000,
  facts: [{ question: "Where?", answer: "Quito", depth: 0.5 }],
  stateBytes: 100,
  keyBytesPerToken: 2,
  softmaxBytesPerToken: 16,
  weightBytes: 5000,
  fittingTokens: 900,
};

function point(numTokens: number, msPerToken = 1): ReadingPoint {
  const bytes = { stateBytes: 100, keyAllocatedBytes: 4000, weightBytes: 5000, totalBytes: 9999 };
  return { numTokens, msPerToken, keyUsedBytes: 2 * numTokens, ...bytes };
}

/** A page with a document that is counted. */
function openDocument() {
  const test = createReadyPage();
  const { page, engine } = test;
  page.document.open({ kind: "text", name: "A text", text: "word ".repeat(1000) });
  const request = engine().requests.at(-1);
  if (request?.kind !== "openDocument") throw new Error("request: expected openDocument");
  const { document } = request;
  engine().emit({ kind: "documentCounting", document, numTokens: 500, numChars: 2000 });
  expect(page.document.phase.value).toEqual({ state: "counting", numTokens: 500, numChars: 2000 });
  engine().emit({ kind: "documentOpened", document, outline: OUTLINE, earlier: null, estimatedMs: 9000 });
  const reads = (readTokens: number) =>
    engine().emit({
      kind: "documentReading",
      document,
      readTokens,
      tokensPerSecond: 50,
      leftMs: 100,
      point: point(readTokens),
      excerpt: `at ${readTokens}`,
    });
  return { ...test, document, reads, emit: engine().emit, requests: engine().requests };
}

describe("a long document on the page", () => {
  test("is counted, read, paused and read to its end", () => {
    const { page, document, reads, emit, requests } = openDocument();
    const { phase, progress, series } = page.document;
    expect(phase.value).toEqual({ state: "ready", estimatedMs: 9000 });
    page.document.read();
    expect(requests.at(-1)).toEqual({ kind: "readDocument", document, keyWindow: null });
    reads(100);
    expect(progress.value).toEqual({ readTokens: 100, tokensPerSecond: 50, leftMs: 100, excerpt: "at 100" });
    expect(page.tokensPerSecond.value).toBe(50);
    page.document.pause();
    expect(phase.value.state).toBe("pausing");
    emit({ kind: "documentPaused", document, isFull: false, readTokens: 200 });
    expect(phase.value.state).toBe("paused");
    page.document.read();
    reads(900);
    emit({ kind: "documentRead", document, readTokens: 1000 });
    expect(phase.value.state).toBe("read");
    expect(progress.value.readTokens).toBe(1000);
    expect([...series.value.numTokens]).toEqual([100, 900]);
    expect([...series.value.keyUsedBytes]).toEqual([200, 1800]);
  });

  test("pauses where memory is full, and is read from the beginning in constant memory if the person wishes", () => {
    const { page, document, reads, emit, requests } = openDocument();
    page.navigate("#/document");
    page.document.read();
    reads(400);
    emit({ kind: "documentPaused", document, isFull: true, readTokens: 400 });
    expect(page.document.phase.value).toEqual({ state: "paused", isFull: true });
    expect(page.announcement.value).toBe("Paused: the GPU’s memory is full.");
    page.document.readInConstantMemory();
    expect(requests.at(-1)).toEqual({ kind: "readDocumentAnew", document, keyWindow: { first: 64, last: 8192 } });
    expect(page.document.progress.value.readTokens).toBe(400);
    emit({ kind: "documentBegunAnew", document, keyWindow: { first: 64, last: 8192 } });
    expect(page.document.keyWindow.value).toEqual({ first: 64, last: 8192 });
    expect(page.document.progress.value.readTokens).toBe(0);
    reads(100);
    emit({ kind: "documentRead", document, readTokens: 1000 });
    expect([...page.document.series.value.numTokens]).toEqual([100]);
    page.document.readInConstantMemory();
    expect(requests.at(-1)!.kind).toBe("readDocumentAnew");
    expect(page.document.phase.value.state).toBe("read");
  });

  test("shows what an earlier visit measured, and goes on from there", () => {
    const { page, engine } = createReadyPage();
    page.document.restore("a");
    const { document } = engine().requests.at(-1) as { document: number };
    const earlier = { keyWindow: { first: 64, last: 2048 }, points: [point(100), point(200)] };
    engine().emit({ kind: "documentOpened", document, outline: OUTLINE, estimatedMs: null, earlier });
    engine().emit({ kind: "documentPaused", document, isFull: false, readTokens: 200 });
    expect([...page.document.series.value.numTokens]).toEqual([100, 200]);
    expect(page.document.keyWindow.value).toEqual({ first: 64, last: 2048 });
  });

  test("that there is no room for leaves the page as it is, and says so", () => {
    const { page, document, emit } = openDocument();
    const memory = { what: "room for 1024 tokens", neededBytes: 3e6, usedBytes: 63e6, budgetBytes: 64e6 };
    emit({ kind: "documentFailed", document, failure: { kind: "memory-budget", message: "room: …", memory } });
    expect(page.lifeCycle.current.value.state).toBe("ready");
    expect(page.document.phase.value.state).toBe("none");
    expect(page.document.problem.value).toMatch(/needs 3\.0 MB of GPU memory.*63\.0 MB of the 64\.0 MB/);
  });

  test("is read with a window of keys only where the person chose it", () => {
    const { page, requests } = openDocument();
    page.document.isWindowed.value = true;
    page.document.windowTokens.value = 2048;
    page.document.read();
    expect(requests.at(-1)).toMatchObject({ keyWindow: { first: 64, last: 2048 } });
  });

  test("pauses while the page is hidden only if that was chosen, and goes on by itself then", () => {
    const { page, document, emit, requests } = openDocument();
    page.document.read();
    page.document.setHidden(true);
    expect(page.document.phase.value.state).toBe("reading");
    page.document.setHidden(false);
    page.document.pausesWhenHidden.value = true;
    page.document.setHidden(true);
    expect(requests.at(-1)).toEqual({ kind: "pauseDocument", document });
    // Shown again before the worker has paused.
    page.document.setHidden(false);
    emit({ kind: "documentPaused", document, isFull: false, readTokens: 300 });
    expect(page.document.phase.value.state).toBe("reading");
    expect(requests.at(-1)).toMatchObject({ kind: "readDocument" });
    page.document.pause();
    emit({ kind: "documentPaused", document, isFull: false, readTokens: 400 });
    page.document.setHidden(true);
    page.document.setHidden(false);
    expect(page.document.phase.value.state).toBe("paused");
  });

  test("that is stopped is as long as what was read", () => {
    const { page, document, emit, requests } = openDocument();
    page.document.read();
    page.document.pause();
    emit({ kind: "documentPaused", document, isFull: false, readTokens: 300 });
    page.document.end();
    expect(requests.at(-1)).toEqual({ kind: "endDocument", document });
    emit({ kind: "documentRead", document, readTokens: 300 });
    expect(page.document.outline.value?.numTokens).toBe(300);
  });

  test("is asked one question at a time, and the answer is held against the text", () => {
    const { page, document, emit, requests } = openDocument();
    page.askDocument("Too early?");
    page.document.read();
    emit({ kind: "documentRead", document, readTokens: 1000 });
    page.askDocument(" Where? ");
    const request = requests.at(-1);
    if (request?.kind !== "askDocument") throw new Error("request: expected askDocument");
    expect(request).toMatchObject({ document, question: "Where?" });
    page.askDocument("Another?");
    expect(requests.at(-1)).toBe(request);
    const { turn } = request;
    emit({ kind: "documentText", document, turn, text: "In ", generatedTokens: 1, elapsedMs: 10 });
    emit({ kind: "documentText", document, turn, text: "Quito.", generatedTokens: 2, elapsedMs: 20 });
    const verdict = { expected: "Quito", isRight: true };
    emit({ kind: "documentTurnEnded", document, turn, reason: "eos", timings: TIMINGS, verdict });
    const [question] = page.document.questions.questions.value;
    expect(question!.answer.value).toBe("In Quito.");
    expect(question!.verdict.value).toEqual(verdict);
    expect(page.document.questions.isAnswering.value).toBe(false);
  });

  test("hears nothing more of what was open before it", () => {
    const { page, document, emit, reads } = openDocument();
    page.document.read();
    page.document.close();
    reads(500);
    emit({ kind: "documentRead", document, readTokens: 1000 });
    expect(page.document.phase.value).toEqual({ state: "none" });
    expect(page.document.series.value.numTokens).toHaveLength(0);
  });

  test("that cannot be read leaves a sentence, and the engine as it is", () => {
    const { page, document, emit } = openDocument();
    emit({
      kind: "documentFailed",
      document,
      failure: { kind: "bad-document", message: "a.bin: expected text, got none" },
    });
    expect(page.document.phase.value).toEqual({ state: "none" });
    expect(page.document.problem.value).toBe("a.bin: expected text, got none");
    expect(page.lifeCycle.current.value.state).toBe("ready");
  });

  test("is kept, listed, opened again, renamed and deleted by its id", () => {
    const { page, document, emit, requests } = openDocument();
    page.document.read();
    emit({ kind: "documentRead", document, readTokens: 1000 });
    page.document.keep(" My text ");
    expect(requests.at(-1)).toEqual({ kind: "keepDocument", document, name: "My text" });
    emit({ kind: "documentKept", document, id: "a1", name: "My text" });
    expect(page.document.isKept.value).toBe(true);
    expect(page.document.outline.value?.name).toBe("My text");
    emit({ kind: "documentList", documents: [] });
    expect(page.document.kept.value).toEqual([]);
    page.document.restore("a1");
    expect(requests.at(-1)).toMatchObject({ kind: "restoreDocument", id: "a1" });
    expect(page.document.isKept.value).toBe(false);
    page.document.rename("a1", " ");
    expect(requests.at(-1)).toMatchObject({ kind: "restoreDocument" });
    page.document.remove("a1");
    expect(requests.at(-1)).toEqual({ kind: "deleteDocument", id: "a1" });
  });
});

test("a screen reader hears the phases of a document and whole answers, on its page alone", () => {
  const { page, document, emit, requests } = openDocument();
  expect(page.announcement.value).toBe("The model is ready.");
  page.navigate("#/document");
  expect(page.announcement.value).toBe("The text is counted. It can be read now.");
  page.document.read();
  expect(page.announcement.value).toBe("Reading.");
  emit({ kind: "documentRead", document, readTokens: 1000 });
  expect(page.announcement.value).toBe("The text is read.");
  page.askDocument("Where?");
  const request = requests.at(-1);
  if (request?.kind !== "askDocument") throw new Error("request: expected askDocument");
  const { turn } = request;
  emit({ kind: "documentText", document, turn, text: "In Lima.", generatedTokens: 2, elapsedMs: 20 });
  expect(page.announcement.value).toBe("Answering.");
  const verdict = { expected: "Quito", isRight: false };
  emit({ kind: "documentTurnEnded", document, turn, reason: "eos", timings: TIMINGS, verdict });
  expect(page.announcement.value).toBe("In Lima. Not found: the text says Quito.");
});

describe("the points of a reading", () => {
  test("only ever go forward, also when a part is read again", () => {
    const record = new ReadingRecord();
    for (const numTokens of [10, 20, 30, 10, 20, 30, 40]) record.add(point(numTokens));
    expect([...seriesOf(record.points).numTokens]).toEqual([10, 20, 30, 40]);
  });

  test("thin out to a few hundred, with no millisecond lost", () => {
    const record = new ReadingRecord();
    let elapsedMs = 0;
    for (let index = 1; index <= 5000; index++) {
      const msPerToken = 1 + (index % 7);
      elapsedMs += 10 * msPerToken;
      record.add(point(10 * index, msPerToken));
    }
    const { numTokens, msPerToken } = seriesOf(record.points);
    expect(numTokens.length).toBeLessThanOrEqual(513);
    expect(numTokens.length).toBeGreaterThan(250);
    expect(numTokens.at(-1)).toBe(50_000);
    const sum = msPerToken.reduce(
      (ms, value, index) => ms + value * (numTokens[index]! - (numTokens[index - 1] ?? 0)),
      0,
    );
    expect(sum).toBeCloseTo(elapsedMs, 3);
  });
});

test("numbers beside axes are short, and times have the unit that suits them", () => {
  expect([0, 500, 4096, 65_536, 1_048_576].map(formatShortCount)).toEqual(["0", "500", "4.1k", "65.54k", "1.05M"]);
  expect([0, 2e6, 2.5e9].map(formatBytesTick)).toEqual(["0", "2 MB", "2.5 GB"]);
  expect([0.0075, 0.42, 12.3, 456].map(formatMsPerToken)).toEqual(["7.5 µs", "0.42 ms", "12.3 ms", "456 ms"]);
  expect([300, 42_000, 600_000, 7_200_000].map(formatDuration)).toEqual([
    "1\u00a0s",
    "42\u00a0s",
    "10\u00a0min",
    "2.0\u00a0h",
  ]);
});
