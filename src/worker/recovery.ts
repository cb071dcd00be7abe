// What becomes of a job whose GPU failed: how often another one is tried, how long one is waited for, and when the person is
// asked. Tells the page; knows neither devices nor models.

import { UnsupportedGpuError } from "../gpu/session.ts";
import { DownloadError } from "../store/download-error.ts";
import { parseFailure } from "./failures.ts";
import type { WorkerEvent } from "./messages.ts";
import { GpuFailureError } from "./session-health.ts";

/** Losses in a row, without anything achieved between them, after which the person is asked. */
const MOST_LOSSES = 3;
/** Pauses between tries while there is no GPU: the driver restarts, the browser starts its GPU process anew. */
const OPEN_PAUSES_MS = [250, 500, 1000, 2000, 4000, 8000, 16_000, 16_000];
/** A GPU that was there for so long without work was not lost to what is asked of it. */
const CALM_MS = 30_000;

export class Recovery {
  readonly #post: (event: WorkerEvent) => void;
  #numLosses = 0;
  #isRestoring = false;
  #openedMs = 0;
  /** The person is asked before another GPU is opened. */
  #due: GpuFailureError | undefined;
  /** While there is no GPU and a job waits for one. */
  #waiting: { readonly resume: () => void; readonly giveUp: (error: Error) => void } | undefined;

  constructor(post: (event: WorkerEvent) => void) {
    this.#post = post;
  }

  /** What `open` gives; where a GPU was lost, it is tried again with growing pauses while there is no other. */
  async open<Result>(open: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    const due = this.#due;
    this.#due = undefined;
    if (due) await this.#ask(due, signal);
    for (let numTries = 0; ; numTries++) {
      try {
        const opened = await open();
        this.#openedMs = performance.now();
        return opened;
      } catch (error) {
        if (!this.#isRestoring || !isMissing(error)) throw error;
        const pauseMs = OPEN_PAUSES_MS[numTries];
        if (pauseMs !== undefined) {
          await this.#wait(signal, pauseMs);
        } else {
          await this.#ask(new GpuFailureError("device-lost", (error as Error).message), signal);
          numTries = -1;
        }
      }
    }
  }

  /** Takes note that a job's GPU failed; ends when it is to be tried on another. */
  async take(error: GpuFailureError, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    this.#numLosses += 1;
    if (this.#numLosses < MOST_LOSSES) this.#tellRestoring(error);
    else await this.#ask(error, signal);
  }

  /** Whether the error is that of a download without which a lost model does not come back; if so, ends when it is to be tried
   * again. */
  async takeDownload(error: unknown, signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#isRestoring || !(error instanceof DownloadError)) return false;
    await this.#ask(error, signal);
    return true;
  }

  /** Takes note that the GPU failed while no job ran. */
  takeIdle(error: GpuFailureError): void {
    if (performance.now() - this.#openedMs > CALM_MS) this.#numLosses = 0;
    this.#numLosses += 1;
    if (this.#numLosses < MOST_LOSSES) this.#tellRestoring(error);
    else this.#due = error;
  }

  /** Something was achieved. */
  progress(): void {
    this.#numLosses = 0;
    this.settle();
  }

  /** All is there again. */
  settle(): void {
    if (!this.#isRestoring) return;
    this.#isRestoring = false;
    this.#post({ kind: "restored" });
  }

  forget(): void {
    this.#numLosses = 0;
    this.#isRestoring = false;
    this.#due = undefined;
  }

  resume(): void {
    this.#waiting?.resume();
  }

  giveUp(): void {
    this.#waiting?.giveUp(new GpuFailureError("device-lost", "GPU: expected to be waited for, got given up"));
  }

  async #ask(error: Error, signal: AbortSignal | undefined): Promise<void> {
    this.#isRestoring = true;
    this.#post({ kind: "gpuGivenUp", failure: parseFailure(error) });
    await this.#wait(signal);
    this.#numLosses = 0;
    this.#tellRestoring(error);
  }

  #tellRestoring(error: Error): void {
    this.#isRestoring = true;
    this.#post({ kind: "restoring", failure: parseFailure(error) });
  }

  /** Until `resume`, or for so long; throws the signal's reason, and what `giveUp` gives. */
  async #wait(signal: AbortSignal | undefined, ms?: number): Promise<void> {
    signal?.throwIfAborted();
    let abort = () => {};
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting = { resume: resolve, giveUp: reject };
        abort = () => reject(signal!.reason as Error);
        signal?.addEventListener("abort", abort);
        if (ms !== undefined) timer = setTimeout(resolve, ms);
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      this.#waiting = undefined;
    }
  }
}

/** There is no GPU at the moment: none is offered, or none that gives a device. */
function isMissing(error: unknown): boolean {
  return error instanceof UnsupportedGpuError ? error.reason === "no-adapter" : error instanceof DOMException;
}
