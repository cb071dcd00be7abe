// One queue for all pages: one job has the GPU at a time, the others wait in the order in which they were asked for. What
// runs and what waits is told at every change, and each job can be cancelled.

import type { JobPart, QueuedJob } from "./messages-engine.ts";

export interface Job {
  readonly part: JobPart;
  /** What it does, in a few words for the person. */
  readonly title: string;
  /** Does it, tells its own page, also of failures, and ends soon once the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Called in place of `run` when it was cancelled while it waited. */
  skip(): void;
}

interface Entry {
  readonly number: number;
  readonly job: Job;
  readonly abort: AbortController;
}

export class JobQueue {
  readonly #tell: (jobs: readonly QueuedJob[]) => void;
  readonly #onError: (error: unknown) => void;
  /** The first one runs. */
  #entries: readonly Entry[] = [];
  #numAdded = 0;

  /** @param onError hears what jobs throw, which they should not */
  constructor(tell: (jobs: readonly QueuedJob[]) => void, onError: (error: unknown) => void) {
    this.#tell = tell;
    this.#onError = onError;
  }

  /** Adds a job at the end, which begins no sooner than this has given its number. */
  add(job: Job): number {
    const entry = { number: ++this.#numAdded, job, abort: new AbortController() };
    this.#change([...this.#entries, entry]);
    if (this.#entries[0] === entry) void this.#runAll();
    return entry.number;
  }

  /** Ends the job that runs soon; one that waits is skipped at once. A job that is over is left alone. */
  cancel(number: number): void {
    const entry = this.#entries.find((queued) => queued.number === number);
    if (!entry || entry.abort.signal.aborted) return;
    entry.abort.abort();
    if (entry === this.#entries[0]) return this.#change(this.#entries);
    this.#change(this.#entries.filter((queued) => queued !== entry));
    entry.job.skip();
  }

  cancelAll(): void {
    for (const { number } of this.#entries.toReversed()) this.cancel(number);
  }

  async #runAll(): Promise<void> {
    // Whoever adds a job knows its number before it begins.
    await Promise.resolve();
    for (let [entry] = this.#entries; entry; [entry] = this.#entries) {
      await entry.job.run(entry.abort.signal).catch(this.#onError);
      this.#change(this.#entries.slice(1));
    }
  }

  #change(entries: readonly Entry[]): void {
    this.#entries = entries;
    this.#tell(
      entries.map(({ number, job: { part, title }, abort }, index) => {
        const state = index > 0 ? "waiting" : abort.signal.aborted ? "ending" : "running";
        return { job: number, part, title, state };
      }),
    );
  }
}
