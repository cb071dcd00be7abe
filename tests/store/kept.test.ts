// What the store keeps: damage to it, tabs that are closed while they write it, and storage that is full or missing.

import { describe, expect, it } from "vitest";
import { MANIFEST_FILE, parseManifest } from "../../src/checkpoint/manifest.ts";
import { createPrivateFiles } from "../../src/store/private-files.ts";
import { cutAfter, status } from "./faults.ts";
import { openFolder } from "./memory-folder.ts";
import { first, HASHED, keptNames, NAMES, useTabs } from "./tab-setup.ts";

const setup = useTabs();

describe("what is kept", () => {
  const [, { sha256, file }] = first.hashed as [unknown, (typeof first.hashed)[number]];

  it.each<{ damage: string; spoil: (bytes: Uint8Array) => Uint8Array }>([
    { damage: "has a wrong bit", spoil: (bytes) => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1) },
    { damage: "is cut off", spoil: (bytes) => bytes.slice(0, 1000) },
    { damage: "is empty", spoil: () => new Uint8Array(0) },
    { damage: "is too long", spoil: (bytes) => Uint8Array.of(...bytes, 0) },
  ])("and $damage is thrown away and fetched again", async ({ spoil }) => {
    await setup.visit();
    setup.disk.files.set(sha256, spoil(setup.disk.files.get(sha256)!));
    const tab = await setup.open();
    await tab.load(first);
    expect(setup.server.requests).toEqual([MANIFEST_FILE, file]);
    expect(Buffer.compare(setup.disk.files.get(sha256)!, first.files.get(file)!)).toBe(0);
    expect(tab.store.keeping).toBe("kept");
  });

  it("and has a wrong bit is gone at once, also when it cannot be fetched again", async () => {
    await setup.visit();
    setup.disk.files.set(sha256, setup.disk.files.get(sha256)!.fill(0));
    setup.server.planAlways(file, status(404));
    await expect((await setup.open()).load(first)).rejects.toMatchObject({ problem: "missing" });
    expect(setup.namesOnDisk()).not.toContain(sha256);
  });

  it("is no version before all of it is there", async () => {
    const tab = await setup.open();
    const manifest = parseManifest(await tab.store.readJson(MANIFEST_FILE));
    for (const hashed of first.hashed.slice(1)) await tab.store.read(hashed);
    await tab.store.keepVersion(manifest);
    expect(setup.namesOnDisk()).not.toContain(MANIFEST_FILE);
    await tab.store.read(first.hashed[0]!);
    await tab.store.keepVersion(manifest);
    expect(setup.namesOnDisk()).toEqual(keptNames(first));
  });

  it("is whole or not there, whenever the tab is closed", async () => {
    const numStepsOfLoad = 200;
    let isClosed = true;
    let numSteps = 3;
    for (; isClosed; numSteps += 4) {
      expect(numSteps).toBeLessThan(numStepsOfLoad);
      setup.disk.files.clear();
      const tab = await setup.open({ numSteps });
      // A closed tab's storage gives nothing any more; what it did before is what counts.
      await tab.load(first);
      isClosed = tab.store.keeping !== "kept";
      tab.store.close();
      for (const { sha256: name, file: of } of first.hashed) {
        const bytes = setup.disk.files.get(name);
        if (bytes) expect(Buffer.compare(bytes, first.files.get(of)!), `closed after ${numSteps} steps`).toBe(0);
      }
      if (setup.disk.files.has(MANIFEST_FILE))
        for (const name of keptNames(first)) expect(setup.disk.files.has(name)).toBe(true);
    }
    expect(numSteps).toBeGreaterThan(40);
  });

  it("goes on as far as the storage reaches: the rest comes from the network, at every visit", async () => {
    setup.disk.quotaBytes = 2.5 * first.hashed[0]!.sizeBytes;
    const tab = await setup.open();
    await tab.load(first);
    expect(tab.keeping).toEqual(["full"]);
    const kept = first.hashed.slice(0, 2).map((hashed) => hashed.sha256);
    expect(setup.namesOnDisk()).toEqual([...kept].sort());
    tab.store.close();
    setup.server.requests.length = 0;
    const next = await setup.open();
    await next.load(first);
    expect([...setup.server.requests].sort()).toEqual([MANIFEST_FILE, ...HASHED.slice(2)].sort());
    expect(next.store.keeping).toBe("full");
  });

  it("is nothing where the browser offers no storage, or no locks", async () => {
    for (const options of [{ disk: null }, { locks: undefined }]) {
      setup.server.requests.length = 0;
      const tab = await setup.open(options);
      expect(tab.keeping).toEqual(["no-storage"]);
      expect(await tab.store.keptBytes(first.manifest)).toBe(0);
      setup.server.plan("weights-1.bin", cutAfter(1000));
      await tab.load(first);
      expect(tab.origins).toEqual(["network"]);
      expect(setup.server.requests).toHaveLength(NAMES.length + 1);
      tab.store.close();
    }
    expect(setup.namesOnDisk()).toEqual([]);
  });

  it("is nothing where the storage fails, and all else goes on", async () => {
    const refuse = () => Promise.reject(new DOMException("the disk is gone", "UnknownError"));
    const keptFiles = { read: refuse, write: refuse, delete: refuse, names: refuse };
    const tab = await setup.open({ keptFiles });
    expect(await tab.store.keptBytes(first.manifest)).toBe(0);
    await tab.load(first);
    expect(new Set(tab.keeping)).toEqual(new Set(["failed"]));
  });

  it("stays though something left over cannot be deleted", async () => {
    await setup.visit();
    setup.disk.files.set("left.part", new Uint8Array(5));
    const folder = openFolder(setup.disk);
    const keptFiles = createPrivateFiles({
      ...folder,
      removeEntry: () => Promise.reject(new DOMException("in use", "NoModificationAllowedError")),
    });
    const tab = await setup.open({ keptFiles });
    await tab.load(first);
    expect(tab.store.keeping).toBe("kept");
    tab.store.close();
    await setup.visit();
    expect(setup.namesOnDisk()).toEqual(keptNames(first));
  });
});
