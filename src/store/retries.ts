// Tries again after growing pauses. Files that fail at the same time share one pause, so that there is one countdown.

import type { Clock } from "./clock.ts";
import { DownloadError, type DownloadProblem } from "./download-error.ts";

/** Why and for how long nothing is tried. */
export interface Pause {
  readonly problem: DownloadProblem;
  /** `<file>: expected x, got y`. */
  readonly message: string;
  readonly ms: number;
}

export interface RetryListener {
  onPause(pause: Pause): void;
  onResume(): void;
}

export interface RunOptions {
  /** Grows when an attempt brings something, though it fails: it is then the first failure in a row. */
  readonly gained?: () => number;
  readonly signal?: AbortSignal | undefined;
  /** Where that is fewer than the problem allows. */
  readonly mostTries?: number;
}

/** Tries in a row that bring nothing new before it is given up: three minutes of pauses for a connection that may come
 * back, seconds for a server that sends something else. */
const MOST_TRIES: Readonly<Record<DownloadProblem, number>> = {
  "no-answer": 9,
  cut: 9,
  stalled: 9,
  busy: 9,
  "web-page": 4,
  damaged: 3,
  missing: 1,
};
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A server that asks for more patience than this is not waited for any longer. */
const LONGEST_ASKED_PAUSE_MS = 300_000;

export function pauseMs(numFailures: number, retryAfterMs: number): number {
  const grown = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (numFailures - 1));
  return Math.max(grown, Math.min(retryAfterMs, LONGEST_ASKED_PAUSE_MS));
}

interface RunningPause {
  readonly over: Promise<void>;
  readonly wake: () => void;
}

export class Retries {
  readonly #clock: Clock;
  readonly #listener: RetryListener;
  #pause: RunningPause | undefined;

  constructor(clock: Clock, listener: RetryListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Ends the pause, if there is one. */
  tryNow(): void {
    this.#pause?.wake();
  }

  /** What `attempt` gives. Throws the DownloadError of the last attempt, and any other error at once. */
  async run<Result>(
    attempt: () => Promise<Result>,
    { gained = () => 0, signal, mostTries = Infinity }: RunOptions = {},
  ): Promise<Result> {
    let numFailures = 0;
    for (let furthest = 0; ; furthest = gained()) {
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof DownloadError)) throw error;
        numFailures = gained() > furthest ? 1 : numFailures + 1;
        if (numFailures >= Math.min(mostTries, MOST_TRIES[error.problem])) throw error;
        await this.#wait(pauseMs(numFailures, error.retryAfterMs), error, signal);
      }
    }
  }

  async #wait(ms: number, { problem, message }: DownloadError, signal: AbortSignal | undefined): Promise<void> {
    this.#pause ??= this.#begin({ problem, message, ms });
    const { over } = this.#pause;
    if (!signal) return over;
    let giveUp = () => {};
    const aborted = new Promise<never>((_, reject) => {
      giveUp = () => reject(signal.reason as Error);
      signal.addEventListener("abort", giveUp);
    });
    await Promise.race([over, aborted]).finally(() => signal.removeEventListener("abort", giveUp));
  }

  #begin(pause: Pause): RunningPause {
    const woken = new AbortController();
    const slept = this.#clock.sleep(pause.ms, woken.signal).catch(() => undefined);
    const over = slept.then(() => {
      this.#pause = undefined;
      this.#listener.onResume();
    });
    this.#listener.onPause(pause);
    return { over, wake: () => woken.abort() };
  }
}
