// Tells when a session's GPU fails: it is lost, refuses a command, runs out of memory, or stands still under its work.

import { isSoftwareAdapter } from "../gpu/adapter-name.ts";
import type { GpuSession } from "../gpu/session.ts";

/** The GPU failed; all that was on it is gone. */
export class GpuFailureError extends Error {
  override readonly name = "GpuFailureError";
  readonly reason: "device-lost" | "out-of-memory" | "gpu-hung" | "gpu-error";

  constructor(reason: GpuFailureError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** How long a GPU may work without finishing anything: its slowest block takes a second or two, on a processor that plays
 * GPU and compiles each kernel at its first use many more. */
export interface HangLimits {
  readonly gpuMs: number;
  readonly softwareMs: number;
}

export const HANG_LIMITS: HangLimits = { gpuMs: 30_000, softwareMs: 180_000 };

/** A lost device fails the work on it, with errors of all kinds, before the loss itself is told. */
const LONGEST_SILENCE_MS = 200;
/** Silence counts in so many parts: a computer that slept adds one. */
const HANG_PARTS = 6;

/** Watches a session from now on. */
export class SessionHealth {
  /** Rejects with a GpuFailureError; never resolves. */
  readonly broken: Promise<never>;
  /** Aborted when the GPU has failed: for what waits for something else. */
  readonly signal: AbortSignal;
  readonly #session: GpuSession;
  readonly #hangLimits: HangLimits;
  readonly #break: (error: GpuFailureError) => void;

  constructor(session: GpuSession, hangLimits: HangLimits) {
    const abort = new AbortController();
    this.#session = session;
    this.#hangLimits = hangLimits;
    this.signal = abort.signal;
    this.#break = (error) => abort.abort(error);
    this.broken = new Promise((_, reject) => {
      abort.signal.addEventListener("abort", () => reject(abort.signal.reason as GpuFailureError));
    });
    // Whoever works on the session is told; without work there may be nobody.
    this.broken.catch(() => undefined);
    void session.lost.then(({ message }) =>
      this.#break(new GpuFailureError("device-lost", `GPU device: expected it to stay, got lost: ${message}`)),
    );
    session.device.onuncapturederror = ({ error }) => this.#break(describeGpuError(error));
  }

  /** What `work` gives; throws what broke the session when that happens first. */
  async during<Result>(work: Promise<Result>): Promise<Result> {
    const done = new AbortController();
    const explained = work.catch(async (error: unknown) => {
      await Promise.race([this.broken, new Promise((resolve) => setTimeout(resolve, LONGEST_SILENCE_MS))]);
      throw error;
    });
    void this.#watchQueue(done.signal);
    try {
      return await Promise.race([explained, this.broken]);
    } finally {
      done.abort();
    }
  }

  /** Breaks the session when what was submitted is not done after so long. */
  async #watchQueue(signal: AbortSignal): Promise<void> {
    const { gpuMs, softwareMs } = this.#hangLimits;
    const limitMs = isSoftwareAdapter(this.#session.adapterInfo) ? softwareMs : gpuMs;
    while (!signal.aborted && !this.signal.aborted) {
      let isDone = false;
      const { queue } = this.#session.device;
      void queue.onSubmittedWorkDone().then(
        () => (isDone = true),
        () => (isDone = true),
      );
      for (let part = 0; part < HANG_PARTS && !signal.aborted; part++) {
        await sleep(limitMs / HANG_PARTS, signal);
        if (isDone) break;
        if (part < HANG_PARTS - 1 || signal.aborted) continue;
        const expected = `expected work to be done within ${limitMs / 1000} s`;
        this.#break(new GpuFailureError("gpu-hung", `GPU queue: ${expected}, got none`));
      }
    }
  }
}

/** Resolves after `ms`, or with the signal. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end);
  });
}

function describeGpuError(error: GPUError): GpuFailureError {
  return error instanceof GPUOutOfMemoryError
    ? new GpuFailureError("out-of-memory", `GPU memory: expected enough of it, got: ${error.message}`)
    : new GpuFailureError("gpu-error", `GPU: expected no error, got: ${error.message}`);
}
