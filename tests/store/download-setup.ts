// A downloader against a fault server, with a clock of its own.

import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect } from "vitest";
import { Downloader } from "../../src/store/download.ts";
import type { DownloadError } from "../../src/store/download-error.ts";
import type { Pause } from "../../src/store/retries.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";
import { createTestClock, type TestClock } from "./test-clock.ts";

export const NAME = "weights.bin";
export const SIZE = 200_000;
export const right = new Uint8Array(randomBytes(SIZE));
export const longer = new Uint8Array([...right, 0]);
/** Of the same size. */
export const other = right.map((byte) => 255 - byte);
export const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
export const file = { file: NAME, sizeBytes: SIZE, sha256: hashOf(right) };

export interface DownloadSetup {
  server: FaultServer;
  clock: TestClock;
  downloader: Downloader;
  pauses: Pause[];
  numResumed: number;
  /** How each request used the browser's cache. */
  caches: RequestCache[];
  /** Whether pauses pass by themselves. */
  isPatient: boolean;
  use(url: string): void;
  download(signal?: AbortSignal): Promise<Uint8Array>;
}

/** A new server, clock and downloader for each test. */
export function useDownloads(): DownloadSetup {
  const setup = {} as DownloadSetup;
  beforeEach(async () => {
    const server = await startFaultServer(
      new Map([
        [NAME, right],
        ["elsewhere.bin", right],
        ["sign-in", encode("<html><body>Please sign in.</body></html>")],
        ["list.json", encode('{"list":[1,2,3]}')],
      ]),
    );
    const clock = createTestClock();
    const ports = {
      clock,
      fetch: (address: URL, options: RequestInit) => {
        setup.caches.push(options.cache!);
        return fetch(address, options);
      },
    };
    const listener = {
      onPause: (pause: Pause) => {
        setup.pauses.push(pause);
        if (setup.isPatient) queueMicrotask(() => clock.advance(pause.ms));
      },
      onResume: () => (setup.numResumed += 1),
    };
    const use = (url: string) => (setup.downloader = new Downloader(url, ports, listener));
    const download = (signal?: AbortSignal) =>
      setup.downloader.file(file, { signal, onBytes: server.tellReceived, cache: "default" });
    Object.assign(setup, { server, clock, pauses: [], numResumed: 0, caches: [], isPatient: true, use, download });
    use(server.url);
  });
  afterEach(() => setup.server.close());
  return setup;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What a download throws. */
export async function failureOf(downloading: Promise<unknown>): Promise<DownloadError> {
  return downloading.then(
    () => expect.unreachable("expected the download to fail"),
    (error: unknown) => error as DownloadError,
  );
}
