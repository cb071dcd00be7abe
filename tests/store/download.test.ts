// Downloads from a server that answers wrongly and then well: what is asked for on the way, and that the file comes whole.

import { describe, expect, it } from "vitest";
import { STALL_MS } from "../../src/store/download.ts";
import { file, hashOf, longer, NAME, other, right, SIZE, useDownloads } from "./download-setup.ts";
import type { Fault } from "./fault-server.ts";
import {
  compress,
  compressAndCut,
  compressInSecret,
  compressRest,
  cutAfter,
  cutAfterLast,
  endAfter,
  flipBit,
  gibberish,
  hangUp,
  ignoreRange,
  partUnasked,
  redirect,
  replaceBy,
  replaceInChunks,
  resumeFrom,
  shiftRange,
  stall,
  stallAfter,
  status,
  webPage,
  webPageInChunks,
} from "./faults.ts";

const setup = useDownloads();
/** As the server gives it to the right file. */
const ETAG = `"${hashOf(right).slice(0, 8)}"`;

const problems = () => setup.pauses.map(({ problem }) => problem);
const seconds = () => setup.pauses.map(({ ms }) => ms / 1000);

describe("a file comes whole in spite of", () => {
  it.each<{ fault: string; plan: Fault[]; requests: (number | string)[]; problems: string[]; message?: string }>([
    { fault: "nothing", plan: [], requests: [0], problems: [] },
    {
      fault: "a connection that is closed without an answer",
      plan: [hangUp],
      requests: [0, 0],
      problems: ["no-answer"],
    },
    { fault: "an answer that is no HTTP", plan: [gibberish], requests: [0, 0], problems: ["no-answer"] },
    { fault: "a connection that breaks off", plan: [cutAfter(100_000)], requests: [0, 100_000], problems: ["cut"] },
    {
      fault: "a connection that comes and goes",
      plan: [cutAfter(50_000), hangUp, cutAfter(50_000), status(503), cutAfter(99_999), cutAfter(0)],
      requests: [0, 50_000, 50_000, 100_000, 100_000, 199_999, 199_999],
      problems: ["cut", "no-answer", "cut", "busy", "cut", "cut"],
    },
    {
      fault: "a connection that breaks off, to a server that knows no ranges",
      plan: [cutAfter(100_000), ignoreRange],
      requests: [0, 100_000],
      problems: ["cut"],
    },
    {
      fault: "an answer that ends too early, in order",
      plan: [endAfter(70_000)],
      requests: [0, 70_000],
      problems: ["cut"],
    },
    { fault: "one wrong bit", plan: [flipBit(123_456)], requests: [0, 0], problems: ["damaged"] },
    { fault: "a shorter file", plan: [replaceBy(right.slice(1))], requests: [0, 0], problems: ["damaged"] },
    { fault: "a longer file", plan: [replaceBy(longer)], requests: [0, 0], problems: ["damaged"] },
    { fault: "a longer file in chunks", plan: [replaceInChunks(longer)], requests: [0, 0], problems: ["damaged"] },
    { fault: "an empty file", plan: [replaceBy(new Uint8Array(0))], requests: [0, 0], problems: ["damaged"] },
    { fault: "another file of the same size", plan: [replaceBy(other)], requests: [0, 0], problems: ["damaged"] },
    { fault: "a web page in its place", plan: [webPage], requests: [0, 0], problems: ["web-page"] },
    {
      fault: "a web page in chunks that is called bytes",
      plan: [webPageInChunks],
      requests: [0, 0],
      problems: ["web-page"],
    },
    {
      fault: "a redirect to the file",
      plan: [redirect("/elsewhere.bin", 307)],
      requests: [0, "elsewhere.bin"],
      problems: [],
    },
    {
      fault: "a redirect to a page that asks for a sign-in",
      plan: [redirect("/sign-in")],
      requests: [0, "sign-in", 0],
      problems: ["web-page"],
    },
    {
      fault: "a web page in place of the rest",
      plan: [cutAfter(100_000), webPage],
      requests: [0, 100_000, 0],
      problems: ["cut", "web-page"],
    },
    { fault: "status 500", plan: [status(500)], requests: [0, 0], problems: ["busy"] },
    { fault: "status 502", plan: [status(502)], requests: [0, 0], problems: ["busy"] },
    { fault: "status 408", plan: [status(408)], requests: [0, 0], problems: ["busy"] },
    {
      fault: "status 416 for the rest",
      plan: [cutAfter(100_000), status(416)],
      requests: [0, 100_000, 0],
      problems: ["cut", "damaged"],
    },
    { fault: "gzip that nobody asked for", plan: [compress], requests: [0], problems: [] },
    {
      fault: "gzip that breaks off: positions in it are not the file's",
      plan: [compressAndCut],
      requests: [0, 0],
      problems: ["cut"],
    },
    { fault: "gzip that is not called so", plan: [compressInSecret], requests: [0, 0], problems: ["damaged"] },
    { fault: "a part that nobody asked for", plan: [partUnasked], requests: [0, 0], problems: ["damaged"] },
    {
      fault: "a rest that begins elsewhere",
      plan: [cutAfter(100_000), shiftRange(1)],
      requests: [0, 100_000, 0],
      problems: ["cut", "damaged"],
    },
    {
      fault: "a rest that is compressed: positions in it are not the file's",
      plan: [cutAfter(100_000), compressRest],
      requests: [0, 100_000, 0],
      problems: ["cut", "damaged"],
      message: "expected a part of the file, got a part of its compressed form",
    },
    {
      fault: "a connection that breaks off after the last byte",
      plan: [cutAfterLast],
      requests: [0],
      problems: ["cut"],
    },
    {
      fault: "a rest of another version, by its ETag",
      plan: [cutAfter(100_000), resumeFrom(other, '"new"')],
      requests: [0, 100_000, 0],
      problems: ["cut", "damaged"],
      message: `expected the version ${ETAG}, got "new"`,
    },
    {
      fault: "a rest of another version, by its size",
      plan: [cutAfter(100_000), resumeFrom(longer, ETAG)],
      requests: [0, 100_000, 0],
      problems: ["cut", "damaged"],
      message: "expected bytes from 100000 of 200000, got bytes 100000-200000/200001",
    },
    {
      fault: "a rest of another version that nothing tells apart but its bytes",
      plan: [cutAfter(100_000), resumeFrom(other, ETAG)],
      requests: [0, 100_000, 0],
      problems: ["cut", "damaged"],
    },
  ])("$fault", async ({ plan, requests, problems: expected, message }) => {
    setup.server.plan(NAME, ...plan);
    expect(Buffer.compare(await setup.download(), right)).toBe(0);
    const asked = requests.map((from) =>
      from === 0 ? NAME : typeof from === "string" ? from : `${NAME} from ${from}`,
    );
    expect(setup.server.requests).toEqual(asked);
    expect(problems()).toEqual(expected);
    expect(setup.numResumed).toBe(expected.length);
    if (message) expect(setup.pauses.at(-1)!.message).toBe(`${NAME}: ${message}`);
  });

  it("faults in any number, as long as something new comes: pauses grow only while nothing does", async () => {
    const steps = Array.from({ length: 12 }, () => [cutAfter(10_000), hangUp]);
    setup.server.plan(NAME, ...steps.flat());
    expect(Buffer.compare(await setup.download(), right)).toBe(0);
    expect(seconds()).toEqual(steps.flatMap(() => [1, 2]));
  });

  it("a connection on which nothing arrives any more: it is given up and gone on from", async () => {
    let isClosed = false;
    setup.server.plan(NAME, (exchange) => {
      exchange.response.on("close", () => (isClosed = true));
      return stallAfter(80_000)(exchange);
    });
    const downloading = setup.download();
    await setup.server.reached();
    setup.clock.advance(STALL_MS - 1);
    expect(setup.pauses).toEqual([]);
    setup.clock.advance(1);
    expect(Buffer.compare(await downloading, right)).toBe(0);
    expect(setup.server.requests).toEqual([NAME, `${NAME} from 80000`]);
    await expect.poll(() => isClosed).toBe(true);
    expect(setup.pauses).toEqual([
      { problem: "stalled", message: `${NAME}: expected more within 20 s, got 80000 of 200000 bytes`, ms: 1000 },
    ]);
  });

  it("a server that says nothing", async () => {
    setup.server.plan(NAME, stall);
    const downloading = setup.download();
    await setup.server.reached();
    setup.clock.advance(STALL_MS);
    expect(Buffer.compare(await downloading, right)).toBe(0);
    expect(problems()).toEqual(["stalled"]);
  });

  it("slowness: as long as something arrives it is waited for", async () => {
    const numParts = 8;
    let sendNext = () => {};
    setup.server.plan(NAME, async ({ response, bytes, received }) => {
      response.writeHead(200, { "content-length": bytes.length });
      for (let part = 0; part < numParts; part++) {
        await new Promise<void>((resolve) => (sendNext = resolve));
        response.write(bytes.subarray((part * SIZE) / numParts, ((part + 1) * SIZE) / numParts));
        await received(((part + 1) * SIZE) / numParts);
      }
      response.end();
    });
    let numArrived = 0;
    const downloading = setup.downloader.file(file, {
      cache: "default",
      onBytes: (arrivedBytes) => {
        setup.server.tellReceived(arrivedBytes);
        if (arrivedBytes % (SIZE / numParts) === 0) numArrived += 1;
      },
    });
    for (let part = 0; part < numParts; part++) {
      await expect.poll(() => setup.server.requests.length).toBe(1);
      setup.clock.advance(STALL_MS - 1);
      await expect.poll(() => (sendNext(), numArrived), { interval: 5 }).toBe(part + 1);
    }
    expect(Buffer.compare(await downloading, right)).toBe(0);
    expect(setup.pauses).toEqual([]);
  });

  it("a server that asks for patience: the pause is as long as it says", async () => {
    setup.server.plan(NAME, status(503, { "retry-after": "7" }), status(429, { "retry-after": "3600" }));
    await setup.download();
    expect(seconds()).toEqual([7, 300]);
  });

  it("a cache with a damaged copy, which is asked for once", async () => {
    setup.server.plan(NAME, flipBit(0), cutAfter(100_000));
    await setup.download();
    expect(setup.caches).toEqual(["default", "reload", "no-store"]);
  });
});
