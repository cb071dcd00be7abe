// What has arrived of one file, over as many connections as it takes, and which answers go on from there.

import type { HashedFile } from "../checkpoint/hashed-file.ts";
import { DownloadError } from "./download-error.ts";

export class PartialFile {
  readonly file: HashedFile;
  readonly #bytes: Uint8Array;
  #length = 0;
  /** The most that was ever there, also before it was begun anew. */
  #furthest = 0;
  #etag: string | null = null;
  /** Bytes of the whole file, as the server says. */
  #declared: number | null = null;
  /** An answer that was compressed on the way: positions in it are not the file's. */
  #isEncoded = false;

  constructor(file: HashedFile) {
    this.file = file;
    this.#bytes = new Uint8Array(file.sizeBytes);
  }

  get length(): number {
    return this.#length;
  }

  get furthest(): number {
    return this.#furthest;
  }

  get isComplete(): boolean {
    return this.#length === this.file.sizeBytes;
  }

  /** All of the file's bytes, those that have not arrived yet being zero. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Headers of the next request: for the rest, or for all of it where the rest cannot be asked for. */
  continueFrom(): Record<string, string> {
    if (this.#isEncoded) this.restart();
    return this.#length > 0 ? { Range: `bytes=${this.#length}-` } : {};
  }

  /** Forgets what has arrived. */
  restart(): void {
    this.#length = 0;
    this.#etag = null;
    this.#declared = null;
    this.#isEncoded = false;
  }

  /** Takes the status and headers of an answer to a request with `continueFrom()`. Throws DownloadError, and forgets what has arrived
   * when the answer does not go on from it. */
  begin(response: Response): void {
    const { status, headers } = response;
    const etag = headers.get("etag");
    if (status === 416 && this.#length > 0) {
      this.#refuse("damaged", `more than ${this.#length} bytes`, "status 416");
    }
    expectStatus(this.file.file, response);
    if (status === 206 && this.#length > 0) return this.#expectContinuation(headers, etag);
    if (status === 206) this.#refuse("damaged", "the whole file", "a part that was not asked for");
    this.restart();
    this.#etag = etag;
    this.#isEncoded = isEncoded(headers);
    const declared = headers.get("content-length");
    this.#declared = this.#isEncoded || declared === null ? null : Number(declared);
  }

  /** Throws DownloadError when that is more than there should be. */
  append(part: Uint8Array): void {
    const { sizeBytes } = this.file;
    const length = this.#length + part.length;
    const isOtherFile = this.#declared !== null && this.#declared !== sizeBytes;
    if (isOtherFile || length > sizeBytes) {
      const got = isOtherFile ? String(this.#declared) : "more";
      this.#refuse(problemOf(this.#length > 0 ? this.#bytes : part), `${sizeBytes} bytes`, got);
    }
    this.#bytes.set(part, this.#length);
    this.#length = length;
    this.#furthest = Math.max(this.#furthest, length);
  }

  /** Takes the end of an answer that ended in order. Throws DownloadError when bytes are missing: those of an answer that
   * did not tell its length may still come. */
  end(): void {
    if (this.isComplete) return;
    const expected = `${this.file.sizeBytes} bytes`;
    const problem = problemOf(this.#bytes.subarray(0, this.#length));
    if (problem === "web-page" || this.#declared === 0) this.#refuse(problem, expected, String(this.#length));
    throw new DownloadError("cut", `${this.file.file}: expected ${expected}, got ${this.#length}`);
  }

  #expectContinuation(headers: Headers, etag: string | null): void {
    const { sizeBytes } = this.file;
    const range = headers.get("content-range") ?? "no range";
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
    if (Number(start) !== this.#length || (total !== "*" && Number(total) !== sizeBytes)) {
      this.#refuse("damaged", `bytes from ${this.#length} of ${sizeBytes}`, range);
    }
    if (isEncoded(headers)) this.#refuse("damaged", "a part of the file", "a part of its compressed form");
    if (etag !== null && this.#etag !== null && etag !== this.#etag) {
      this.#refuse("damaged", `the version ${this.#etag}`, etag);
    }
  }

  #refuse(problem: "web-page" | "damaged", expected: string, got: string): never {
    this.restart();
    const shown = problem === "web-page" ? "a web page" : got;
    throw new DownloadError(problem, `${this.file.file}: expected ${expected}, got ${shown}`);
  }
}

/** Throws DownloadError unless the answer brings the file or a part of it. */
export function expectStatus(file: string, { status, headers }: Response): void {
  if (status >= 200 && status < 300 && status !== 204 && status !== 205) return;
  const isBusy = status >= 500 || status === 408 || status === 425 || status === 429;
  const message = `${file}: expected status 200, got ${status}`;
  throw new DownloadError(isBusy ? "busy" : "missing", message, { retryAfterMs: isBusy ? retryAfterMs(headers) : 0 });
}

/** The header is a number of seconds or a date. */
function retryAfterMs(headers: Headers): number {
  const value = headers.get("retry-after") ?? "";
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** Whether the body's length is not that of the answer on its way. */
function isEncoded(headers: Headers): boolean {
  const encoding = headers.get("content-encoding");
  return encoding !== null && encoding !== "" && encoding !== "identity";
}

/** What wrong bytes are, by their first ones. */
export function problemOf(bytes: Uint8Array): "web-page" | "damaged" {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 256));
  return /^(\xef\xbb\xbf)?\s*<(!doctype|html|head|!--)/i.test(start) ? "web-page" : "damaged";
}
