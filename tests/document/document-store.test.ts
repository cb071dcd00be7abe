import { describe, expect, test } from "vitest";
import { DocumentError } from "../../src/document/document-error.ts";
import { expectModel, readTokensOf, sizeOf, thinOut } from "../../src/document/document-record.ts";
import { DocumentStore, layersOf, type NewDocument, type StoredDocument } from "../../src/document/document-store.ts";
import { importDocument } from "../../src/document/import-document.ts";
import { GREEDY } from "../../src/kernels/call.ts";
import type { KeyWindow } from "../../src/kernels/key-window.ts";
import type { Sequence } from "../../src/model/sequence.ts";
import { keyRowBytes } from "../../src/model/state-bytes.ts";
import { useModel } from "../chat/made-up-chat.ts";
import { createDisk, type MemoryDisk, openFolder } from "../store/memory-folder.ts";

const useMadeUp = useModel();

const IDS = Uint32Array.from({ length: 100 }, (_, index) => (index * 37) % 250);
const QUESTION = [9, 8, 7];

function newDocument(keyWindow: KeyWindow | null = null): NewDocument {
  const names = { name: "A text", modelId: "m1", modelName: "made-up", kvFormat: "f32" };
  return { ...names, createdMs: 5, keyWindow, numChars: 300, held: ".", facts: [] };
}

async function read(sequence: Sequence, until: number): Promise<void> {
  if (sequence.position < until) await sequence.prefill(IDS.subarray(sequence.position, until), { output: "none" });
}

/** Some tokens that depend on the whole state. */
async function answer(sequence: Sequence): Promise<readonly number[]> {
  const draw = { sampling: GREEDY, endTokenIds: [] };
  const first = await sequence.prefill(QUESTION, { output: "last", ...draw });
  const tokens = [first!];
  for await (const token of sequence.generate(draw, 7)) tokens.push(token);
  return tokens;
}

async function writeOut(
  disk: MemoryDisk,
  stops: readonly number[],
  keyWindow: KeyWindow | null = null,
): Promise<{ readonly stored: StoredDocument; readonly expected: readonly number[] }> {
  const model = await useMadeUp();
  const sequence = await model.createSequence(256, { keyWindow: keyWindow ?? undefined });
  const stored = await new DocumentStore(openFolder(disk)).create(newDocument(keyWindow), IDS);
  for (const stop of stops) {
    await read(sequence, stop);
    await stored.save(sequence, []);
  }
  await read(sequence, IDS.length);
  const expected = await answer(sequence);
  sequence.destroy();
  return { stored, expected };
}

/** What a sequence answers that begins with what lies on the disk, and where it began. */
async function answerFrom(disk: MemoryDisk, id: string, keyWindow: KeyWindow | null = null) {
  const sequence = await (await useMadeUp()).createSequence(16, { keyWindow: keyWindow ?? undefined });
  const stored = await new DocumentStore(openFolder(disk)).open(id);
  const ids = await stored.readIds();
  expect(ids).toEqual(IDS);
  const numTokens = await stored.load(sequence, ids);
  expect(sequence.position).toBe(numTokens);
  await read(sequence, IDS.length);
  const tokens = await answer(sequence);
  sequence.destroy();
  return { numTokens, tokens };
}

describe("a document in storage", () => {
  test("goes on from its newest snapshot as if it had been read just now", async () => {
    const disk = createDisk();
    const { stored, expected } = await writeOut(disk, [32, 48, 96]);
    expect(readTokensOf(stored.record)).toBe(96);
    expect(await answerFrom(disk, stored.record.id)).toEqual({ numTokens: 96, tokens: expected });
  });

  test("keeps its window of keys too", async () => {
    const disk = createDisk();
    const window = { first: 4, last: 20 };
    const { stored, expected } = await writeOut(disk, [48, 100], window);
    expect(await answerFrom(disk, stored.record.id, window)).toEqual({ numTokens: 100, tokens: expected });
  });

  test("takes each key once, whatever the number of snapshots", async () => {
    const [few, many] = [createDisk(), createDisk()];
    const keyBytes = ({ files }: MemoryDisk) =>
      [...files].reduce((sum, [name, bytes]) => sum + (name.includes(".keys.") ? bytes.length : 0), 0);
    await writeOut(few, [96]);
    const { stored } = await writeOut(many, [16, 32, 48, 64, 80, 96]);
    expect(keyBytes(many)).toBe(keyBytes(few));
    const stateBytes = stored.record.snapshots.reduce((sum, { state }) => sum + state.sizeBytes, 0);
    expect(sizeOf(stored.record)).toBe(4 * IDS.length + keyBytes(many) + stateBytes);
  });

  test("falls back to an older snapshot when the newest is damaged, and to none when all are", async () => {
    const disk = createDisk();
    const { stored, expected } = await writeOut(disk, [32, 96]);
    const { id } = stored.record;
    disk.files.get(`${id}.state.96`)![40]! ^= 1;
    expect(await answerFrom(disk, id)).toEqual({ numTokens: 32, tokens: expected });
    disk.files.delete(`${id}.state.32`);
    expect(await answerFrom(disk, id)).toEqual({ numTokens: 0, tokens: expected });
  });

  test("is as it was at the last snapshot, wherever the tab is closed while the next is written", async () => {
    const disk = createDisk();
    const { stored } = await writeOut(disk, [32]);
    const { id } = stored.record;
    const sequence = await (await useMadeUp()).createSequence(256);
    await read(sequence, 96);
    const outcomes = new Set<number>();
    for (let numSteps = 1; !outcomes.has(96); numSteps++) {
      const left = { files: new Map(disk.files), quotaBytes: Infinity };
      const closing = new DocumentStore(openFolder(left, numSteps));
      await closing
        .open(id)
        .then((open) => open.save(sequence, []))
        .catch(() => undefined);
      const found = await new DocumentStore(openFolder(left)).open(id);
      outcomes.add(readTokensOf(found.record));
      // Taking it in checks every byte.
      const copy = createDisk();
      await importDocument(openFolder(copy), await found.export());
      const keyBytes = [...copy.files].reduce(
        (sum, [name, bytes]) => sum + (name.includes(".keys.") ? bytes.length : 0),
        0,
      );
      expect(keyBytes).toBe(
        readTokensOf(found.record) * keyRowBytes(sequence) * layersOf(found.record.keyParts).length,
      );
    }
    sequence.destroy();
    expect([...outcomes]).toEqual([32, 96]);
  });

  test("is refused when its tokens are damaged", async () => {
    const disk = createDisk();
    const { stored } = await writeOut(disk, [32]);
    disk.files.get(`${stored.record.id}.tokens`)![0]! ^= 1;
    await expect(stored.readIds()).rejects.toThrow(/^A text: expected SHA-256 .*, got .*: it is damaged$/);
  });
});

describe("the documents of a browser", () => {
  test("are listed with their names, renamed and deleted without a trace", async () => {
    const disk = createDisk();
    const store = new DocumentStore(openFolder(disk));
    const first = await store.create({ ...newDocument(), createdMs: 1 }, IDS);
    const second = await store.create({ ...newDocument(), createdMs: 2, name: "Another" }, IDS);
    await store.rename(first.record.id, "Renamed");
    expect((await store.list()).map(({ name }) => name)).toEqual(["Another", "Renamed"]);
    await store.delete(first.record.id);
    expect((await store.list()).map(({ name }) => name)).toEqual(["Another"]);
    await store.delete(second.record.id);
    expect([...disk.files.keys()]).toEqual([]);
  });

  test("go from one browser to another in a file, and answer the same there", async () => {
    const [here, there] = [createDisk(), createDisk()];
    const { stored, expected } = await writeOut(here, [32, 96]);
    const id = await importDocument(openFolder(there), await stored.export());
    const [record] = await new DocumentStore(openFolder(there)).list();
    expect(record).toMatchObject({ id, name: "A text", isKept: true, held: "." });
    expect(await answerFrom(there, id)).toEqual({ numTokens: 96, tokens: expected });
  });

  test("take in no file that is damaged, cut off or none, and leave nothing of it", async () => {
    const disk = createDisk();
    const { stored } = await writeOut(createDisk(), [32]);
    const bytes = new Uint8Array(await (await stored.export()).arrayBuffer());
    const damaged = bytes.slice();
    damaged[damaged.length - 5]! ^= 1;
    for (const content of [damaged, bytes.slice(0, -1)]) {
      await expect(importDocument(openFolder(disk), new Blob([content]))).rejects.toThrow(/it is damaged$/);
    }
    await expect(importDocument(openFolder(disk), new Blob(["hello"]))).rejects.toThrow(
      new DocumentError("file: expected a document that was exported here, got another file"),
    );
    expect([...disk.files.keys()]).toEqual([]);
  });

  test("are of use to the model that read them only", async () => {
    const record = (await new DocumentStore(openFolder(createDisk())).create(newDocument(), IDS)).record;
    expect(() => expectModel(record, "m1", "f32")).not.toThrow();
    expect(() => expectModel(record, "m2", "f32")).toThrow(
      new DocumentError("A text: expected the model made-up that read it, got another one"),
    );
    expect(() => expectModel(record, "m1", "f16")).toThrow(
      new DocumentError("A text: expected keys in f32, got a model that keeps f16"),
    );
  });
});

test("snapshots thin out to evenly spread ones, the newest always among them", () => {
  let kept: readonly { readonly numTokens: number }[] = [];
  for (let numTokens = 10; numTokens <= 1000; numTokens += 10) kept = thinOut([...kept, { numTokens }], 8);
  expect(kept).toHaveLength(8);
  expect(kept.at(-1)).toEqual({ numTokens: 1000 });
  const gaps = kept.map(({ numTokens }, index) => numTokens - (kept[index - 1]?.numTokens ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(350);
});
