// The store over a real network and a disk in memory: visits, versions and tabs.

import { describe, expect, it } from "vitest";
import { MANIFEST_FILE } from "../../src/checkpoint/manifest.ts";
import { QUICK_STALL_MS } from "../../src/store/download.ts";
import { hangUp, holdAfter, stall, status, webPage } from "./faults.ts";
import { first, HASHED, keptNames, NAMES, second, useTabs } from "./tab-setup.ts";

const setup = useTabs();

function publish(model: typeof first): void {
  for (const [name, bytes] of model.files) setup.files.set(name, bytes);
}

describe("a model", () => {
  it("is fetched once: the next visit asks for the manifest alone", async () => {
    const tab = await setup.open();
    expect(await tab.store.keptBytes(first.manifest)).toBe(0);
    await tab.load(first);
    expect([...setup.server.requests].sort()).toEqual([...NAMES].sort());
    expect(setup.namesOnDisk()).toEqual(keptNames(first));
    expect({ origins: tab.origins, keeping: tab.keeping }).toEqual({ origins: ["network"], keeping: [] });
    tab.store.close();

    setup.server.requests.length = 0;
    const next = await setup.open();
    const shardBytes = first.manifest.shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(await next.store.keptBytes(first.manifest)).toBe(shardBytes);
    await next.load(first);
    expect(setup.server.requests).toEqual([MANIFEST_FILE]);
    expect(next.origins).toEqual(["storage"]);
    expect(next.store.keeping).toBe("kept");
  });

  it("is read again without a request, as after a lost GPU", async () => {
    const tab = await setup.open();
    await tab.load(first);
    setup.server.requests.length = 0;
    for (const file of first.hashed) {
      expect(Buffer.compare(await tab.store.read(file), first.files.get(file.file)!)).toBe(0);
    }
    expect(setup.server.requests).toEqual([]);
  });

  it("is there without a network", async () => {
    await setup.visit();
    await setup.server.close();
    const tab = await setup.open();
    await tab.load(first);
    expect(tab.origins).toEqual(["storage"]);
    expect(tab.pauses).toEqual([]);
  });

  it.each([
    { fault: "a sign-in page", answer: webPage },
    { fault: "status 404", answer: status(404) },
    { fault: "no answer", answer: hangUp },
  ])("is there when its manifest's place holds $fault", async ({ answer }) => {
    await setup.visit();
    setup.server.planAlways(MANIFEST_FILE, answer);
    const tab = await setup.open();
    await tab.load(first);
    expect(setup.server.requests).toEqual([MANIFEST_FILE]);
    expect(tab.pauses).toEqual([]);
  });

  it("is there when its manifest is of a kind that this page does not know", async () => {
    await setup.visit();
    setup.files.set(MANIFEST_FILE, new TextEncoder().encode('{"formatVersion":99}'));
    await (await setup.open()).load(first);
  });

  it("is there five seconds after a server began to say nothing", async () => {
    await setup.visit();
    setup.server.planAlways(MANIFEST_FILE, stall);
    const tab = await setup.open();
    const loading = tab.load(first);
    await setup.server.reached();
    tab.clock.advance(QUICK_STALL_MS);
    await loading;
  });

  it("that was never kept waits for its network, or tells that there is none", async () => {
    setup.server.plan(MANIFEST_FILE, hangUp, status(503));
    const tab = await setup.open();
    await tab.load(first);
    expect(tab.pauses.map(({ problem }) => problem)).toEqual(["no-answer", "busy"]);
    await setup.server.close();
    setup.disk.files.clear();
    const message = `${MANIFEST_FILE}: expected an answer from ${new URL(setup.server.url).host}, got none`;
    await expect((await setup.open()).load(first)).rejects.toMatchObject({ problem: "no-answer", message });
  });

  it("whose kept manifest is damaged is asked for like a new one", async () => {
    await setup.visit();
    setup.disk.files.set(MANIFEST_FILE, new TextEncoder().encode('{"formatVersion":1'));
    setup.server.plan(MANIFEST_FILE, hangUp);
    const tab = await setup.open();
    await tab.load(first);
    expect(tab.pauses).toHaveLength(1);
    expect(tab.origins).toEqual(["storage"]);
    expect(setup.namesOnDisk()).toEqual(keptNames(first));
  });

  it("of an earlier export has a tokenizer that nothing is known of: it is not kept", async () => {
    const tab = await setup.open();
    expect(await tab.store.readJson("tokenizer.json")).toEqual({ name: "tokenizer.json", version: 1 });
    expect(setup.namesOnDisk()).toEqual([]);
  });
});

describe("a new version", () => {
  it("takes the place of the one before once it is whole, and what they share is not fetched again", async () => {
    await setup.visit();
    publish(second);
    const tab = await setup.open();
    await tab.load(second);
    expect([...setup.server.requests].sort()).toEqual(NAMES.filter((name) => name !== "weights-1.bin").sort());
    expect(setup.namesOnDisk()).toEqual(keptNames(second));
  });

  it("that does not come whole leaves the one before, also without a network", async () => {
    await setup.visit();
    publish(second);
    setup.server.planAlways("weights-3.bin", status(404));
    await expect((await setup.open()).load(second)).rejects.toMatchObject({ problem: "missing" });
    await setup.server.close();
    await (await setup.open()).load(first);
  });

  it("keeps the files of the one before while another tab uses them", async () => {
    const old = await setup.open();
    await old.load(first);
    publish(second);
    const tab = await setup.open();
    await tab.load(second);
    expect(setup.namesOnDisk()).toEqual([...new Set([...keptNames(first), ...keptNames(second)])].sort());
    setup.server.requests.length = 0;
    for (const file of first.hashed) await old.store.read(file);
    expect(setup.server.requests).toEqual([]);
    for (const { store } of [old, tab]) store.close();
    const next = await setup.open();
    await next.load(second);
    expect(setup.namesOnDisk()).toEqual(keptNames(second));
  });

  it.each([
    { where: "not in the browser's cache as well where it is kept", disk: {}, cache: "no-store" },
    { where: "in the browser's cache where it is not kept", disk: { disk: null }, cache: "default" },
  ])("is asked for at an address of its own, $where", async ({ disk, cache }) => {
    const asked: [string, RequestCache | undefined][] = [];
    const tab = await setup.open({
      ...disk,
      fetch: (url, options) => {
        asked.push([url.href.slice(setup.server.url.length), options.cache]);
        return fetch(url, options);
      },
    });
    await tab.load(first);
    const addresses = first.hashed.map(({ file, sha256 }) => [`${file}?v=${sha256.slice(0, 16)}`, cache]);
    expect(asked).toEqual([[MANIFEST_FILE, "no-cache"], ...addresses]);
  });
});

describe("two tabs", () => {
  it("fetch each file once, and the one that waits says so", async () => {
    setup.server.plan("weights-2.bin", holdAfter(100));
    const tabs = [await setup.open(), await setup.open()];
    const loading = Promise.all(tabs.map((tab) => tab.load(first)));
    await setup.server.reached();
    const origins = () => new Set(tabs.map((tab) => tab.origins.at(-1)));
    await expect.poll(origins).toEqual(new Set(["network", "other-tab"]));
    setup.server.release();
    await loading;
    const fetched = setup.server.requests.filter((name) => name !== MANIFEST_FILE);
    expect([...fetched].sort()).toEqual([...HASHED].sort());
  });

  it("fetch apart where nothing is kept", async () => {
    const tabs = [await setup.open({ disk: null }), await setup.open({ disk: null })];
    await Promise.all(tabs.map((tab) => tab.load(first)));
    expect(setup.server.requests).toHaveLength(2 * NAMES.length);
  });

  it("do not wait for each other any longer than a person wants", async () => {
    setup.server.plan("weights-1.bin", holdAfter(100));
    const [one, other] = [await setup.open(), await setup.open()];
    const loading = one.load(first);
    await setup.server.reached();
    const abort = new AbortController();
    const waiting = other.load(first, abort.signal);
    await expect.poll(() => other.origins).toEqual(["other-tab"]);
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    setup.server.release();
    await loading;
  });

  it("go on when the one that fetches fails", async () => {
    setup.server.plan("weights-1.bin", holdAfter(100));
    const [one, other] = [await setup.open(), await setup.open()];
    const abort = new AbortController();
    const failing = one.load(first, abort.signal);
    await setup.server.reached();
    const loading = other.load(first);
    await expect.poll(() => other.origins).toEqual(["other-tab"]);
    abort.abort(new Error("closed"));
    await expect(failing).rejects.toThrow("closed");
    await loading;
    expect(other.origins).toEqual(["other-tab", "network"]);
  });
});
