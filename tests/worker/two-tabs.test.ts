// Two pages over one storage: a document that one has open is not written by the other.

import { expect, test } from "vitest";
import { browserPorts } from "../../src/store/browser-ports.ts";
import { DocumentClaims } from "../../src/worker/document-claims.ts";
import { createLocks } from "../store/memory-locks.ts";
import { createDisk, openFolder } from "../store/memory-folder.ts";
import { load, startEngine, useSite } from "./engine-under-test.ts";

useSite();

test("a document that one page has open is opened, renamed and deleted by another once it is closed", async () => {
  const disk = createDisk();
  const locks = createLocks();
  const start = async () => {
    const { fetch, clock } = browserPorts;
    // Weights are not kept here, as where there are no locks for them.
    const store = { fetch, clock, openKeptFiles: async () => undefined, locks };
    const engine = startEngine({ store }, async () => openFolder(disk));
    await load(engine);
    return engine;
  };
  const [first, second] = [await start(), await start()];
  first.send({ kind: "openDocument", document: 1, source: { kind: "sample", seed: 3, numTokens: 300, depths: [0.5] } });
  await first.wait("documentOpened");
  first.send({ kind: "readDocument", document: 1, keyWindow: null });
  await first.wait("documentRead");
  first.send({ kind: "keepDocument", document: 1, name: "The valley" });
  const { id } = await first.wait("documentKept");

  const message = "The valley: expected a document that no other tab has open, got one that is";
  second.send({ kind: "restoreDocument", document: 1, id });
  expect(await second.wait("documentFailed")).toMatchObject({ failure: { kind: "bad-document", message } });
  second.send({ kind: "renameDocument", id, name: "Mine" });
  expect(await second.wait("documentProblem")).toMatchObject({ message });
  second.send({ kind: "deleteDocument", id });
  expect(await second.wait("documentProblem")).toMatchObject({ message });
  second.send({ kind: "exportDocument", id });
  expect(await second.wait("documentExported")).toMatchObject({ name: "The valley" });

  first.send({ kind: "closeDocument", document: 1 });
  await expect
    .poll(async () => (await locks.query()).held!.filter(({ name }) => name === `document ${id}`))
    .toEqual([]);
  second.send({ kind: "restoreDocument", document: 2, id });
  await second.wait("documentRead");
  first.send({ kind: "restoreDocument", document: 2, id });
  expect(await first.wait("documentFailed")).toMatchObject({ failure: { message } });
  second.send({ kind: "closeDocument", document: 2 });
  second.send({ kind: "renameDocument", id, name: "Mine" });
  expect((await second.wait("documentList")).documents).toMatchObject([{ name: "Mine" }]);
});

test("locks that the browser refuses are told, and the next claim asks again", async () => {
  const { query } = createLocks();
  const claims = new DocumentClaims({ query, request: () => Promise.reject(new Error("refused")) });
  await expect(claims.claim("a", "A text")).rejects.toThrow("refused");
  await expect(claims.claim("a", "A text")).rejects.toThrow("refused");
});
