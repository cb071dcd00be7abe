// Downloads that do not come to a good end or wait for it: last messages, pauses, giving up, JSON files.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { QUICK_STALL_MS } from "../../src/store/download.ts";
import type { DownloadError } from "../../src/store/download-error.ts";
import { failureOf, file, hashOf, longer, NAME, other, right, useDownloads } from "./download-setup.ts";
import type { Fault } from "./fault-server.ts";
import {
  compress,
  cutAfter,
  endAfter,
  hangUp,
  neverEnd,
  holdAfter,
  redirect,
  replaceBy,
  replaceInChunks,
  stall,
  status,
  webPage,
  webPageInChunks,
} from "./faults.ts";

const setup = useDownloads();

const problems = () => setup.pauses.map(({ problem }) => problem);
const seconds = () => setup.pauses.map(({ ms }) => ms / 1000);

describe("a download ends in one message for", () => {
  it.each<{ fault: string; always: Fault; error: Partial<DownloadError>; seconds: number[] }>([
    {
      fault: "status 404",
      always: status(404),
      error: { problem: "missing", message: `${NAME}: expected status 200, got 404` },
      seconds: [],
    },
    {
      fault: "status 403",
      always: status(403),
      error: { problem: "missing", message: `${NAME}: expected status 200, got 403` },
      seconds: [],
    },
    {
      fault: "status 416 for the whole file",
      always: status(416),
      error: { problem: "missing", message: `${NAME}: expected status 200, got 416` },
      seconds: [],
    },
    {
      fault: "status 204",
      always: status(204),
      error: { problem: "missing", message: `${NAME}: expected status 200, got 204` },
      seconds: [],
    },
    {
      fault: "a server that stays busy, after three minutes",
      always: status(500),
      error: { problem: "busy", message: `${NAME}: expected status 200, got 500` },
      seconds: [1, 2, 4, 8, 16, 32, 60, 60],
    },
    {
      fault: "a connection that breaks off at the same place again and again",
      always: cutAfter(0),
      error: { problem: "cut", message: `${NAME}: expected the rest, got 0 of 200000 bytes and an error` },
      seconds: [1, 2, 4, 8, 16, 32, 60, 60],
    },
    {
      fault: "a redirect in a circle",
      always: redirect(`/${NAME}`),
      error: { problem: "no-answer" },
      seconds: [1, 2, 4, 8, 16, 32, 60, 60],
    },
    {
      fault: "a web page that stays",
      always: webPage,
      error: { problem: "web-page", message: `${NAME}: expected 200000 bytes, got a web page` },
      seconds: [1, 2, 4],
    },
    {
      fault: "a file that stays too short",
      always: replaceBy(right.slice(0, 5000)),
      error: { problem: "damaged", message: `${NAME}: expected 200000 bytes, got 5000` },
      seconds: [1, 2],
    },
    {
      fault: "a file that stays too long",
      always: replaceInChunks(longer),
      error: { problem: "damaged", message: `${NAME}: expected 200000 bytes, got more` },
      seconds: [1, 2],
    },
    {
      fault: "a file that stays another",
      always: replaceBy(other),
      error: {
        problem: "damaged",
        message: `${NAME}: SHA-256: expected ${file.sha256}, got ${hashOf(other)}`,
      },
      seconds: [1, 2],
    },
  ])("$fault", async ({ always, error, seconds: expected }) => {
    setup.server.planAlways(NAME, always);
    expect(await failureOf(setup.download())).toMatchObject({ name: "DownloadError", ...error });
    expect(seconds()).toEqual(expected);
  });

  it("a server that is not there", async () => {
    const gone = createServer();
    await new Promise<void>((started) => gone.listen(0, "127.0.0.1", started));
    const { port } = gone.address() as AddressInfo;
    await new Promise((closed) => gone.close(closed));
    setup.use(`http://127.0.0.1:${port}/`);
    const message = `${NAME}: expected an answer from 127.0.0.1:${port}, got none`;
    expect(await failureOf(setup.download())).toMatchObject({ problem: "no-answer", message });
    expect(setup.pauses).toHaveLength(8);
  });
});

describe("a pause", () => {
  it("ends at once when it is told to", async () => {
    setup.isPatient = false;
    setup.server.plan(NAME, hangUp, status(500));
    const downloading = setup.download();
    await expect.poll(() => setup.pauses.length).toBe(1);
    setup.downloader.tryNow();
    await expect.poll(() => setup.pauses.length).toBe(2);
    expect(seconds()).toEqual([1, 2]);
    setup.downloader.tryNow();
    expect(Buffer.compare(await downloading, right)).toBe(0);
    expect(setup.numResumed).toBe(2);
    setup.downloader.tryNow();
  });

  it("is one for files that fail together", async () => {
    setup.isPatient = false;
    setup.server.plan(NAME, hangUp);
    setup.server.plan("elsewhere.bin", status(500));
    const downloading = Promise.all([
      setup.download(),
      setup.downloader.file({ ...file, file: "elsewhere.bin" }, { cache: "default" }),
    ]);
    await expect.poll(() => setup.server.requests.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(setup.pauses).toHaveLength(1);
    setup.downloader.tryNow();
    for (const bytes of await downloading) expect(Buffer.compare(bytes, right)).toBe(0);
    expect(setup.server.requests).toHaveLength(4);
    expect(setup.numResumed).toBe(1);
  });
});

describe("who gives up hears the signal's reason", () => {
  const reason = new Error("enough");

  it("while bytes arrive, and the connection is closed", async () => {
    const abort = new AbortController();
    let isClosed = false;
    setup.server.plan(NAME, (exchange) => {
      exchange.response.on("close", () => (isClosed = true));
      return holdAfter(100_000)(exchange);
    });
    const failing = failureOf(setup.download(abort.signal));
    await setup.server.reached();
    abort.abort(reason);
    expect(await failing).toBe(reason);
    await expect.poll(() => isClosed).toBe(true);
  });

  it("during a pause", async () => {
    setup.isPatient = false;
    const abort = new AbortController();
    setup.server.plan(NAME, hangUp);
    const failing = failureOf(setup.download(abort.signal));
    await expect.poll(() => setup.pauses.length).toBe(1);
    abort.abort(reason);
    expect(await failing).toBe(reason);
    expect(setup.server.requests).toEqual([NAME]);
  });

  it("before the first request", async () => {
    expect(await failureOf(setup.download(AbortSignal.abort(reason)))).toBe(reason);
    expect(setup.server.requests).toEqual([]);
  });
});

describe("a JSON file of unknown size", () => {
  it.each<{ fault: string; plan: Fault[]; problems: string[] }>([
    { fault: "nothing", plan: [], problems: [] },
    { fault: "a web page", plan: [webPage], problems: ["web-page"] },
    { fault: "an early end", plan: [endAfter(9)], problems: ["damaged"] },
    { fault: "a connection that breaks off", plan: [hangUp, status(500)], problems: ["no-answer", "busy"] },
    { fault: "gzip that nobody asked for", plan: [compress], problems: [] },
  ])("comes in spite of $fault", async ({ plan, problems: expected }) => {
    setup.server.plan("list.json", ...plan);
    expect(await setup.downloader.json("list.json")).toEqual({ list: [1, 2, 3] });
    expect(problems()).toEqual(expected);
    expect(new Set(setup.caches)).toEqual(new Set(["no-cache"]));
  });

  it("that is missing, or stays no JSON, is one message", async () => {
    expect(await failureOf(setup.downloader.json("none.json"))).toMatchObject({
      problem: "missing",
      message: "none.json: expected status 200, got 404",
    });
    setup.server.planAlways("list.json", webPageInChunks);
    expect(await failureOf(setup.downloader.json("list.json"))).toMatchObject({
      problem: "web-page",
      message: "list.json: expected JSON, got a web page",
    });
  });

  it("that does not end is no JSON", async () => {
    setup.server.plan("list.json", neverEnd);
    expect(await failureOf(setup.downloader.json("list.json", { isQuick: true }))).toMatchObject({
      problem: "damaged",
      message: "list.json: expected JSON, got no end of it",
    });
  });

  it("is asked for once and for a short time where there is something to fall back to", async () => {
    setup.server.plan("list.json", stall);
    const failing = failureOf(setup.downloader.json("list.json", { isQuick: true }));
    await setup.server.reached();
    setup.clock.advance(QUICK_STALL_MS);
    expect(await failing).toMatchObject({ problem: "stalled" });
    setup.server.plan("list.json", hangUp);
    expect(await failureOf(setup.downloader.json("list.json", { isQuick: true }))).toMatchObject({
      problem: "no-answer",
    });
    expect(setup.pauses).toEqual([]);
  });
});
