// Downloading, keeping and healing in real Chromium, with its real private file system, locks and network.

import { expect, test } from "vitest";
import { MANIFEST_FILE } from "../../src/checkpoint/manifest.ts";
import { FAILURE_TEXTS } from "../../src/ui/failure-texts.ts";
import { KEEPING_TEXTS, ORIGIN_TEXTS, PAUSE_TEXTS } from "../../src/ui/state/download-texts.ts";
import type { Fault } from "../store/fault-server.ts";
import {
  compress,
  compressAndCut,
  cutAfter,
  endAfter,
  flipBit,
  hangUp,
  holdAfter,
  ignoreRange,
  redirect,
  status,
  webPage,
} from "../store/faults.ts";
import { makeModel } from "../store/made-model.ts";
import { becomeReady, becomeReadyNow, HASHED, keptSizes, model, readKept, useStoreSite } from "./store-site.ts";

const setup = useStoreSite();
const SECOND = model.hashed[1]!;

const sorted = (names: readonly string[]) => [...names].sort((one, other) => one.localeCompare(other));
const shardsAsked = () => setup.plan.requests.filter((name) => !name.startsWith(MANIFEST_FILE));

test("the first visit downloads each file once and keeps it; the next asks for the manifest alone", async () => {
  const page = await setup.open();
  await becomeReady(page);
  expect(sorted(setup.plan.requests)).toEqual(sorted([...model.files.keys()]));
  expect(await readKept(page)).toEqual({ ...keptSizes(), [MANIFEST_FILE]: expect.any(Number) });
  await page.locator(".status").click();
  await page.getByText(KEEPING_TEXTS.kept).waitFor();
  setup.plan.requests.length = 0;
  await page.reload();
  await becomeReady(page);
  expect(setup.plan.requests).toEqual([MANIFEST_FILE]);
});

test("a reload works while the model's server is gone", async () => {
  const page = await setup.open();
  await becomeReady(page);
  for (const name of model.files.keys()) setup.plan.planAlways(name, hangUp);
  await page.reload();
  await becomeReady(page);
  expect(shardsAsked().slice(HASHED.length)).toEqual([]);
});

test("two tabs fetch each file once, and the one that waits says for what", async () => {
  setup.plan.plan(SECOND.file, holdAfter(100));
  const first = await setup.open();
  await setup.plan.reached();
  const second = await setup.open();
  await second.getByText(ORIGIN_TEXTS["other-tab"]).waitFor();
  setup.plan.release();
  await Promise.all([becomeReady(first), becomeReady(second)]);
  expect(sorted(shardsAsked())).toEqual(sorted(HASHED));
});

test("a tab that is closed in the middle leaves nothing that passes for whole, and the next goes on", async () => {
  // The tokenizer's files and the first shard are there by then.
  setup.plan.plan(SECOND.file, holdAfter(100));
  const closed = await setup.open();
  await setup.plan.reached();
  await expect.poll(() => setup.plan.requests.length).toBeGreaterThanOrEqual(5);
  await closed.close({ runBeforeUnload: false });
  setup.plan.requests.length = 0;
  const page = await setup.open();
  await becomeReady(page);
  expect(sorted(shardsAsked())).toEqual(sorted([SECOND.file, "weights-3.bin", "weights-4.bin"]));
  expect(await readKept(page)).toEqual({ ...keptSizes(), [MANIFEST_FILE]: expect.any(Number) });
});

test("a kept file that was damaged is thrown away and fetched again, and only that one", async () => {
  const page = await setup.open();
  await becomeReady(page);
  for (const damage of ["flip", "cut"] as const) {
    setup.plan.requests.length = 0;
    await page.evaluate(
      async ([name, how]) => {
        const root = await navigator.storage.getDirectory();
        const weights = await root.getDirectoryHandle("weights");
        for await (const folder of weights.values()) {
          const file = await (folder as FileSystemDirectoryHandle).getFileHandle(name);
          const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
          bytes[5]! ^= 1;
          const writable = await file.createWritable();
          await writable.write(how === "flip" ? bytes : bytes.slice(0, 100));
          await writable.close();
        }
      },
      [SECOND.sha256, damage] as const,
    );
    await page.reload();
    await becomeReady(page);
    expect(setup.plan.requests).toEqual([MANIFEST_FILE, SECOND.file]);
    expect(await readKept(page)).toEqual({ ...keptSizes(), [MANIFEST_FILE]: expect.any(Number) });
  }
});

test("a new version takes the place of the one before", async () => {
  const page = await setup.open();
  await becomeReady(page);
  const next = makeModel(2);
  for (const [name, bytes] of next.files) setup.files.set(name, bytes);
  setup.plan.requests.length = 0;
  await page.reload();
  await becomeReady(page);
  expect(sorted(shardsAsked())).toEqual(sorted(HASHED.filter((name) => name !== "weights-1.bin")));
  const sizes = Object.fromEntries(next.hashed.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
  expect(await readKept(page)).toEqual({ ...sizes, [MANIFEST_FILE]: expect.any(Number) });
  for (const name of next.files.keys()) setup.plan.planAlways(name, hangUp);
  await page.reload();
  await becomeReady(page);
});

test("a full storage is said, and all else works", async () => {
  const page = await setup.context.newPage();
  const devTools = await setup.context.newCDPSession(page);
  const origin = new URL(setup.site.url).origin;
  await devTools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 20_000 });
  await page.goto(setup.site.url);
  await becomeReady(page);
  await page.getByRole("main").getByText(KEEPING_TEXTS.full).waitFor();
  expect(Object.keys(await readKept(page)).filter((name) => name.endsWith(".part"))).toEqual([]);
  await devTools.send("Storage.overrideQuotaForOrigin", { origin });
  await page.reload();
  await becomeReady(page);
  expect(await page.getByRole("main").getByText(KEEPING_TEXTS.full).count()).toBe(0);
  expect(await readKept(page)).toEqual({ ...keptSizes(), [MANIFEST_FILE]: expect.any(Number) });
});

/** Takes away what a worker of an older browser or a private window does not have. */
async function openWithout(code: string) {
  await setup.context.route("**/store-worker*.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${code};\n${await response.text()}` });
  });
  return setup.open();
}

test("without a private file system Cache Storage keeps the model", async () => {
  const page = await openWithout("delete StorageManager.prototype.getDirectory");
  await becomeReady(page);
  expect(await readKept(page)).toEqual({});
  setup.plan.requests.length = 0;
  await page.reload();
  await becomeReady(page);
  expect(setup.plan.requests).toEqual([MANIFEST_FILE]);
  await page.evaluate(async (name) => {
    for (const key of await caches.keys()) {
      const cache = await caches.open(key);
      await cache.put(`https://kept.invalid/${name}`, new Response("damaged"));
      await cache.put("https://kept.invalid/left", new Response("from before"));
    }
  }, SECOND.sha256);
  setup.plan.requests.length = 0;
  await page.reload();
  await becomeReady(page);
  expect(setup.plan.requests).toEqual([MANIFEST_FILE, SECOND.file]);
  const names = await page.evaluate(async () => {
    const cache = await caches.open((await caches.keys())[0]!);
    return (await cache.keys()).map(({ url }) => new URL(url).pathname.slice(1));
  });
  expect(sorted(names)).toEqual(sorted([...Object.keys(keptSizes()), MANIFEST_FILE]));
});

test("a window without any storage says so and runs", async () => {
  const refuse = "() => { throw new DOMException('refused', 'SecurityError') }";
  const page = await openWithout(`StorageManager.prototype.getDirectory = CacheStorage.prototype.open = ${refuse}`);
  await becomeReady(page);
  await page.getByRole("main").getByText(KEEPING_TEXTS["no-storage"]).waitFor();
  expect(sorted(shardsAsked())).toEqual(sorted(HASHED));
});

test("a pause is counted down, and a button ends it", async () => {
  setup.plan.plan(SECOND.file, status(503, { "retry-after": "51" }));
  const page = await setup.open();
  await page.getByRole("main").getByText(PAUSE_TEXTS.busy).waitFor();
  await page.getByText(/Next try in 5\d\ss/u).waitFor();
  await page.getByText(/Next try in 4\d\ss/u).waitFor();
  await page.getByRole("button", { name: "Try now" }).click();
  await becomeReady(page);
  expect(await page.getByText(PAUSE_TEXTS.busy).count()).toBe(0);
});

test("a pause ends when the network is back", async () => {
  setup.plan.plan(SECOND.file, status(503, { "retry-after": "120" }));
  const page = await setup.open();
  await page.getByRole("main").getByText(PAUSE_TEXTS.busy).waitFor();
  await setup.context.setOffline(true);
  await setup.context.setOffline(false);
  await becomeReady(page);
});

test.each<{ fault: string; plan: Fault[] }>([
  { fault: "connections that break off", plan: [cutAfter(5000), cutAfter(5000)] },
  { fault: "a server without ranges", plan: [cutAfter(5000), ignoreRange] },
  { fault: "an answer that ends too early", plan: [endAfter(5000)] },
  { fault: "one wrong bit", plan: [flipBit(77)] },
  { fault: "gzip that nobody asked for", plan: [compress] },
  { fault: "gzip that breaks off", plan: [compressAndCut] },
  { fault: "a sign-in page", plan: [webPage] },
  { fault: "a redirect", plan: [redirect("weights-1.bin?elsewhere")] },
  { fault: "status 416 for the rest", plan: [cutAfter(5000), status(416)] },
  { fault: "a busy server", plan: [status(500), status(429)] },
])("the model comes whole in spite of $fault", async ({ plan }) => {
  setup.plan.plan("weights-1.bin", ...plan);
  const page = await setup.open();
  await becomeReadyNow(page);
  expect(await readKept(page)).toEqual({ ...keptSizes(), [MANIFEST_FILE]: expect.any(Number) });
});

test("what cannot be healed ends in a text of its own, and trying again goes on from what came", async () => {
  setup.plan.planAlways(SECOND.file, status(404));
  const page = await setup.open();
  await page.getByRole("heading", { name: FAILURE_TEXTS["missing-file"].title }).waitFor();
  await page.getByText(`${SECOND.file}: expected status 200, got 404`).waitFor();
  setup.plan.planAlways(SECOND.file, (exchange) => ignoreRange(exchange));
  setup.plan.requests.length = 0;
  await page.getByRole("button", { name: "Try again" }).click();
  await becomeReady(page);
  expect(setup.plan.requests).not.toContain("weights-1.bin");
  expect(setup.plan.requests).toContain(SECOND.file);
});
