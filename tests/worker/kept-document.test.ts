import { expect, test } from "vitest";
import type { TextSource } from "../../src/document/text-source.ts";
import { createDisk, type MemoryDisk, openFolder } from "../store/memory-folder.ts";
import { type EngineUnderTest, load, SAMPLING, startEngine, useSite } from "./engine-under-test.ts";

const site = useSite();

const SAMPLE: TextSource = { kind: "sample", seed: 9, numTokens: 300, depths: [0.5] };

async function start(disk: MemoryDisk): Promise<EngineUnderTest> {
  const engine = startEngine({}, async () => openFolder(disk));
  await load(engine);
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

async function openAndRead(engine: EngineUnderTest): Promise<number> {
  engine.send({ kind: "openDocument", document: 1, source: SAMPLE });
  await engine.wait("documentOpened");
  engine.send({ kind: "readDocument", document: 1, keyWindow: null });
  return (await engine.wait("documentRead")).readTokens;
}

async function list(engine: EngineUnderTest) {
  engine.send({ kind: "listDocuments" });
  return (await engine.wait("documentList")).documents!;
}

test("after a lost device a question is answered from the snapshot, without reading the text again", async () => {
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
