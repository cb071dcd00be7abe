// Files of one folder over the network: over as many connections as it takes, each checked before it is given away.

import { CheckpointError } from "../checkpoint/checkpoint-error.ts";
import { expectWhole, type HashedFile } from "../checkpoint/hashed-file.ts";
import { parseJson, type ReadOptions } from "../checkpoint/model-files.ts";
import type { Clock } from "./clock.ts";
import { DownloadError } from "./download-error.ts";
import { expectStatus, PartialFile, problemOf } from "./partial-file.ts";
import { Retries, type RetryListener } from "./retries.ts";

export interface DownloadPorts {
  fetch(url: URL, options: RequestInit): Promise<Response>;
  readonly clock: Clock;
}

export interface DownloadOptions extends ReadOptions {
  /** How the browser's own cache is used. */
  readonly cache: RequestCache;
}

export interface JsonOptions {
  readonly signal?: AbortSignal | undefined;
  /** One try, and a short one. */
  readonly isQuick?: boolean;
}

/** A connection on which nothing arrives for so long is given up. */
export const STALL_MS = 20_000;
export const QUICK_STALL_MS = 5000;
/** A JSON file that is longer is none. */
const MOST_JSON_BYTES = 64 * 1024 * 1024;

interface Request {
  readonly name: string;
  readonly query?: string;
  readonly headers?: Record<string, string>;
  readonly cache: RequestCache;
  readonly stallMs: number;
  readonly signal: AbortSignal | undefined;
  /** What has arrived, for messages. */
  readonly describe: () => string;
}

/** The next part of a body; undefined at its end. */
type NextPart = () => Promise<Uint8Array | undefined>;

export class Downloader {
  readonly #folderUrl: string;
  readonly #ports: DownloadPorts;
  readonly #retries: Retries;

  /** @param folderUrl ends in a slash */
  constructor(folderUrl: string, ports: DownloadPorts, listener: RetryListener) {
    this.#folderUrl = folderUrl;
    this.#ports = ports;
    this.#retries = new Retries(ports.clock, listener);
  }

  /** Ends a pause before the next try. */
  tryNow(): void {
    this.#retries.tryNow();
  }

  /** All bytes of a file, as they should be. Throws DownloadError after the last try. */
  file(file: HashedFile, { signal, onBytes, cache }: DownloadOptions): Promise<Uint8Array> {
    const partial = new PartialFile(file);
    let isCacheTrusted = true;
    const attempt = async (): Promise<Uint8Array> => {
      const request: Request = {
        name: file.file,
        // Another version of the file has another address, for every cache on the way.
        query: `?v=${file.sha256.slice(0, 16)}`,
        headers: partial.continueFrom(),
        cache: partial.length > 0 ? "no-store" : isCacheTrusted ? cache : "reload",
        stallMs: STALL_MS,
        signal,
        describe: () => `${partial.length} of ${file.sizeBytes} bytes`,
      };
      try {
        // The connection may have broken off after the last byte.
        if (!partial.isComplete) {
          await this.#request(request, async (response, next) => {
            partial.begin(response);
            for (let part = await next(); part; part = await next()) {
              partial.append(part);
              onBytes?.(partial.length);
            }
            partial.end();
          });
        }
        await expectWhole(file, partial.bytes);
      } catch (error) {
        const problem = error instanceof CheckpointError ? describeDamage(error, partial) : error;
        if (problem instanceof DownloadError && problem.problem === "damaged") isCacheTrusted = false;
        throw problem;
      }
      return partial.bytes;
    };
    return this.#retries.run(attempt, { gained: () => partial.furthest, signal });
  }

  /** A JSON file whose size is unknown. Throws DownloadError after the last try. */
  json(name: string, { signal, isQuick = false }: JsonOptions = {}): Promise<unknown> {
    const attempt = (): Promise<unknown> => {
      const parts: Uint8Array<ArrayBuffer>[] = [];
      let length = 0;
      const request: Request = {
        name,
        cache: "no-cache",
        stallMs: isQuick ? QUICK_STALL_MS : STALL_MS,
        signal,
        describe: () => `${length} bytes`,
      };
      return this.#request(request, async (response, next) => {
        expectStatus(name, response);
        for (let part = await next(); part; part = await next()) {
          parts.push(part as Uint8Array<ArrayBuffer>);
          length += part.length;
          if (length > MOST_JSON_BYTES) throw new DownloadError("damaged", `${name}: expected JSON, got no end of it`);
        }
        const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
        try {
          return parseJson(name, bytes);
        } catch (cause) {
          const problem = problemOf(bytes);
          const got = problem === "web-page" ? "a web page" : "something else";
          throw new DownloadError(problem, `${name}: expected JSON, got ${got}`, { cause });
        }
      });
    };
    return this.#retries.run(attempt, { signal, ...(isQuick ? { mostTries: 1 } : {}) });
  }

  /** One connection, which ends with `take`. Throws DownloadError, and the signal's reason. */
  async #request<Result>(
    { name, query = "", headers = {}, cache, stallMs, signal, describe }: Request,
    take: (response: Response, next: NextPart) => Promise<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted();
    const connection = new AbortController();
    const giveUp = () => connection.abort(signal!.reason);
    signal?.addEventListener("abort", giveUp);
    const url = new URL(name + query, this.#folderUrl);
    const fail = (problem: "no-answer" | "cut", got: string) => (cause: unknown) => {
      throw new DownloadError(problem, `${name}: ${got}`, { cause });
    };
    try {
      const answer = this.#ports.fetch(url, { headers, cache, signal: connection.signal });
      const noAnswer = fail("no-answer", `expected an answer from ${url.host}, got none`);
      const response = await this.#inTime(name, stallMs, describe, answer.catch(noAnswer));
      const reader = response.body?.getReader();
      return await take(response, async () => {
        const part = reader?.read().catch((cause: unknown) => {
          return fail("cut", `expected the rest, got ${describe()} and an error`)(cause);
        });
        return (await this.#inTime(name, stallMs, describe, part ?? Promise.resolve(undefined)))?.value;
      });
    } finally {
      signal?.removeEventListener("abort", giveUp);
      connection.abort();
    }
  }

  async #inTime<Result>(name: string, ms: number, describe: () => string, work: Promise<Result>): Promise<Result> {
    const done = new AbortController();
    const late = this.#ports.clock.sleep(ms, done.signal).then((): never => {
      throw new DownloadError("stalled", `${name}: expected more within ${ms / 1000} s, got ${describe()}`);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      done.abort();
    }
  }
}

function describeDamage(error: CheckpointError, partial: PartialFile): DownloadError {
  const problem = problemOf(partial.bytes);
  partial.restart();
  return new DownloadError(problem, error.message, { cause: error });
}
