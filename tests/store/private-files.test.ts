import { expect, it } from "vitest";
import { createPrivateFiles } from "../../src/store/private-files.ts";
import { ClosedTabError, createDisk, openFolder } from "./memory-folder.ts";

const first = Uint8Array.from({ length: 1000 }, (_, index) => index);
const second = Uint8Array.from({ length: 2000 }, (_, index) => 255 - (index % 256));

it("a kept file is read as it was written, replaced, named and deleted", async () => {
  const files = createPrivateFiles(openFolder(createDisk()));
  expect(await files.read("one")).toBeUndefined();
  await files.write("one", first);
  await files.write("two", second);
  expect(await files.read("one")).toEqual(first);
  await files.write("one", second);
  expect(await files.read("one")).toEqual(second);
  expect([...(await files.names())].sort()).toEqual(["one", "two"]);
  await files.delete("one");
  await files.delete("one");
  expect(await files.read("one")).toBeUndefined();
  expect(await files.names()).toEqual(["two"]);
});

it("a tab that is closed at any moment of writing leaves the file whole or not at all", async () => {
  let numSteps = 0;
  for (let isClosed = true; isClosed; numSteps++) {
    for (const before of [undefined, first]) {
      const disk = createDisk();
      if (before) disk.files.set("one", before);
      const writing = createPrivateFiles(openFolder(disk, numSteps)).write("one", second);
      isClosed = await writing.then(
        () => false,
        (error: unknown) => error instanceof ClosedTabError,
      );
      const next = createPrivateFiles(openFolder(disk));
      expect(await next.read("one"), `closed after ${numSteps} steps`).toEqual(isClosed ? before : second);
      // The next tab writes it without ado.
      await next.write("one", second);
      expect(await next.read("one")).toEqual(second);
      expect(await next.names()).toEqual(["one"]);
    }
  }
  expect(numSteps, "that many moments were tried").toBeGreaterThan(10);
});

it("what another tab left half-written does not show in what is written next", async () => {
  const disk = createDisk();
  disk.files.set("one.part", second);
  const files = createPrivateFiles(openFolder(disk));
  await files.write("one", first);
  expect(await files.read("one")).toEqual(first);
});

it("a full storage is told by its name, and what was half-written is removed", async () => {
  const disk = createDisk();
  disk.quotaBytes = 1500;
  const files = createPrivateFiles(openFolder(disk));
  await files.write("one", first);
  await expect(files.write("two", first)).rejects.toMatchObject({ name: "QuotaExceededError" });
  expect(await files.names()).toEqual(["one"]);
  expect(await files.read("one")).toEqual(first);
});

it("a storage that takes nothing more without a word is an error", async () => {
  const folder = openFolder(createDisk());
  const files = createPrivateFiles({
    ...folder,
    getFileHandle: async (name, options) => {
      const file = await folder.getFileHandle(name, options);
      const access = await file.createSyncAccessHandle();
      return { ...file, createSyncAccessHandle: async () => ({ ...access, write: () => 0 }) };
    },
  });
  await expect(files.write("one", first)).rejects.toThrow("storage: expected to take 1000 bytes, got stuck at 0");
  expect(await files.read("one")).toBeUndefined();
});
