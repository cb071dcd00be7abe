import { expect, test } from "vitest";
import type { TextSource } from "../../src/document/text-source.ts";
import { createDisk, type MemoryDisk, openFolder } from "../store/memory-folder.ts";
import { type EngineUnderTest, load, SAMPLING, startEngine, useSite } from "./engine-under-test.ts";

const site = useSite();

const SAMPLE: TextSource = { kind: "sample", seed: 9, numTokens: 300, depths: [0.5] };
/** Of many blocks: a pause comes before the last. */
const LONGER: TextSource = { ...SAMPLE, numTokens: 1500 };

async function start(disk: MemoryDisk): Promise<EngineUnderTest> {
  const engine = startEngine({}, async () => openFolder(disk));
  // Of which a longer text has several on any GPU.
  await load(engine, "default", { blockSize: 128 });
  return engine;
}

async function ask(engine: EngineUnderTest, turn: number, document: number): Promise<string> {
  engine.send({ kind: "askDocument", document, turn, question: "Who came?", sampling: SAMPLING, maxTokens: 8 });
  expect(await engine.wait("documentTurnEnded", "documentFailed")).toMatchObject({ turn });
  const texts = engine.events.flatMap((event) =>
    event.kind === "documentText" && event.turn === turn ? [event.text] : [],
  );
  return texts.join("");
}

async function openAndRead(engine: EngineUnderTest, source: TextSource = SAMPLE): Promise<number> {
  engine.send({ kind: "openDocument", document: 1, source });
  await engine.wait("documentOpened");
  engine.send({ kind: "readDocument", document: 1, keyWindow: null });
  return (await engine.wait("documentRead")).readTokens;
}

function usedBytes({ events }: EngineUnderTest): number {
  const { lines } = events.findLast((event) => event.kind === "ledger")!;
  return lines.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
}

async function list(engine: EngineUnderTest) {
  engine.send({ kind: "listDocuments" });
  return (await engine.wait("documentList")).documents!;
}

test("a kept document answers the same at the next visit, without being read again", async () => {
  const disk = createDisk();
  const engine = await start(disk);
  const numTokens = await openAndRead(engine);
  const answered = await ask(engine, 1, 1);
  engine.send({ kind: "keepDocument", document: 1, name: "The valley" });
  const { id } = await engine.wait("documentKept");

  const next = await start(disk);
  expect(await list(next)).toMatchObject([
    { id, name: "The valley", numTokens, readTokens: numTokens, isKept: true, fitsModel: true, modelName: "made-up" },
  ]);
  next.send({ kind: "restoreDocument", document: 4, id });
  const { outline } = await next.wait("documentOpened");
  expect(outline).toMatchObject({ name: "The valley", numTokens, facts: [{ depth: 0.5 }] });
  expect(await next.wait("documentRead")).toMatchObject({ document: 4, readTokens: numTokens });
  expect(await ask(next, 1, 4)).toBe(answered);
  expect(next.events.some(({ kind }) => kind === "documentReading")).toBe(false);

  next.send({ kind: "renameDocument", id, name: "Another name" });
  expect((await next.wait("documentList")).documents).toMatchObject([{ name: "Another name" }]);
  next.send({ kind: "exportDocument", id });
  const { name, content } = await next.wait("documentExported");
  expect(name).toBe("Another name");
  next.send({ kind: "closeDocument", document: 4 });
  next.send({ kind: "deleteDocument", id });
  expect((await next.wait("documentList")).documents).toEqual([]);
  next.send({ kind: "importDocument", file: content });
  expect((await next.wait("documentList")).documents).toMatchObject([{ name: "Another name", readTokens: numTokens }]);
});

test("a reading that a closed tab broke off goes on from its newest snapshot", async () => {
  site.slowDown();
  const disk = createDisk();
  const engine = await start(disk);
  await openAndRead(engine, LONGER);
  const undisturbed = await ask(engine, 1, 1);
  engine.send({ kind: "openDocument", document: 2, source: LONGER });
  const { outline } = await engine.wait("documentOpened");
  engine.send({ kind: "readDocument", document: 2, keyWindow: null });
  await engine.wait("documentReading");
  engine.send({ kind: "pauseDocument", document: 2 });
  const { readTokens } = await engine.wait("documentPaused");

  const next = await start(disk);
  const [kept] = await list(next);
  expect(kept).toMatchObject({ numTokens: outline.numTokens, readTokens, isKept: false });
  next.send({ kind: "restoreDocument", document: 1, id: kept!.id });
  expect(await next.wait("documentPaused")).toMatchObject({ readTokens });
  next.send({ kind: "readDocument", document: 1, keyWindow: null });
  await next.wait("documentRead");
  expect(await ask(next, 1, 1)).toBe(undisturbed);
});

test("what was read when memory was full is kept whole, and gone on with at the next visit", async () => {
  const disk = createDisk();
  const engine = startEngine({}, async () => openFolder(disk));
  await load(engine, "default", { blockSize: 16 });
  engine.send({ kind: "openDocument", document: 1, source: LONGER });
  await engine.wait("documentOpened");
  // Room for the first keys, and for none of the next.
  engine.send({ kind: "setMemoryBudget", bytes: usedBytes(engine) + 400_000 });
  engine.send({ kind: "readDocument", document: 1, keyWindow: null });
  const { readTokens, isFull } = await engine.wait("documentPaused");
  expect(isFull).toBe(true);
  expect(readTokens).toBeGreaterThan(0);
  const answered = await ask(engine, 1, 1);
  engine.send({ kind: "keepDocument", document: 1, name: "As far as it fits" });
  const { id } = await engine.wait("documentKept");

  const next = startEngine({}, async () => openFolder(disk));
  await load(next, "default", { blockSize: 16 });
  const before = usedBytes(next);
  // Not even what was read fits: nothing of it stays on the GPU.
  next.send({ kind: "setMemoryBudget", bytes: before + 1000 });
  next.send({ kind: "restoreDocument", document: 1, id });
  expect(await next.wait("documentFailed")).toMatchObject({ failure: { kind: "memory-budget" } });
  expect(usedBytes(next)).toBe(before);
  next.send({ kind: "setMemoryBudget", bytes: Infinity });
  next.send({ kind: "restoreDocument", document: 2, id });
  expect(await next.wait("documentPaused")).toMatchObject({ readTokens, isFull: false });
  expect(await ask(next, 1, 2)).toBe(answered);
  next.send({ kind: "readDocument", document: 2, keyWindow: null });
  await next.wait("documentRead");
});

test("after a lost device a question is answered from the snapshot, without reading the text again", async () => {
  site.loseDevices(1);
  const engine = await start(createDisk());
  await openAndRead(engine);
  const answered = await ask(engine, 1, 1);
  const numReadings = engine.events.filter(({ kind }) => kind === "documentReading").length;
  site.devices.at(-1)!.destroy();
  await engine.wait("restored");
  expect(await ask(engine, 2, 1)).toBe(answered);
  expect(engine.events.filter(({ kind }) => kind === "documentReading")).toHaveLength(numReadings);
});

test("a device that is lost while a document is read delays it, and changes nothing", async () => {
  site.slowDown();
  site.loseDevices(1);
  const engine = await start(createDisk());
  await openAndRead(engine);
  const answered = await ask(engine, 1, 1);
  engine.send({ kind: "openDocument", document: 2, source: SAMPLE });
  await engine.wait("documentOpened");
  engine.send({ kind: "readDocument", document: 2, keyWindow: null });
  await engine.wait("documentReading");
  site.devices.at(-1)!.destroy();
  await engine.wait("documentRead");
  expect(await ask(engine, 2, 2)).toBe(answered);
});

test("a document that is closed without being kept leaves nothing behind", async () => {
  const disk = createDisk();
  const engine = await start(disk);
  await openAndRead(engine);
  expect(disk.files.size).toBeGreaterThan(2);
  engine.send({ kind: "closeDocument", document: 1 });
  expect(await list(engine)).toEqual([]);
  expect([...disk.files.keys()]).toEqual([]);
});

test("storage that is full is told, and reading goes on without it", async () => {
  const disk = createDisk();
  disk.quotaBytes = 3000;
  const engine = await start(disk);
  await openAndRead(engine);
  const problem = engine.events.find((event) => event.kind === "documentProblem");
  expect(problem).toMatchObject({ message: expect.stringContaining("it is full") as string });
  expect(await ask(engine, 1, 1)).not.toBe("");
  expect([...disk.files.keys()]).toEqual([]);
});

test("without storage there is no list, and keeping says so", async () => {
  const engine = startEngine();
  await load(engine);
  engine.send({ kind: "listDocuments" });
  expect((await engine.wait("documentList")).documents).toBeNull();
});
