// Records that this version cannot read: refused in words, and left where they are.

import { expect, test } from "vitest";
import { parseRecord } from "../../src/document/document-record.ts";
import { DocumentStore, type NewDocument } from "../../src/document/document-store.ts";
import { createPrivateFiles } from "../../src/store/private-files.ts";
import { createDisk, openFolder } from "../store/memory-folder.ts";

const DOCUMENT: NewDocument = {
  name: "A text",
  modelId: "m1",
  modelName: "made-up",
  kvFormat: "f32",
  createdMs: 5,
  keyWindow: null,
  numChars: 300,
  held: ".",
  facts: [],
};

test.each([
  ['{"schemaVersion":3}', "one that a later version of this page wrote"],
  ['{"schemaVersion":0}', "something else"],
  ["[]", "something else"],
  ["{", "something else"],
])("the record %s is refused", (text, got) => {
  expect(() => parseRecord("a.json", text)).toThrow(`a.json: expected a kept document, got ${got}; it stays as it is`);
});

test("a list tells of a record that a later version wrote, and keeps its file", async () => {
  const folder = openFolder(createDisk());
  const files = createPrivateFiles(folder);
  const store = new DocumentStore(folder);
  const { record } = await store.create(DOCUMENT, Uint32Array.of(1, 2, 3));
  const later = new TextEncoder().encode(JSON.stringify({ ...record, id: "later", schemaVersion: 9 }));
  await files.write("later.json", later);
  const refusals: string[] = [];
  expect((await store.list(({ message }) => refusals.push(message))).map(({ id }) => id)).toEqual([record.id]);
  expect(refusals).toEqual([
    "later.json: expected a kept document, got one that a later version of this page wrote; it stays as it is",
  ]);
  expect(await files.read("later.json")).toEqual(later);
});

test("a record from before measurements were kept has none", () => {
  const fields = { ...DOCUMENT, id: "a", isKept: true, keyParts: [], snapshots: [] };
  const older = { ...fields, schemaVersion: 1, numTokens: 3, tokens: { sizeBytes: 12, sha256: "" } };
  expect(parseRecord("a.json", JSON.stringify(older))).toEqual({ ...older, schemaVersion: 2, points: [] });
});
