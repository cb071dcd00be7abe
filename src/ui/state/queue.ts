// The engine's queue as the page shows it: what runs elsewhere, what waits, and a way to end it.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { QueuedJob } from "../../worker/messages-engine.ts";
import type { ReadyModel } from "../../worker/messages-model.ts";
import type { WorkerRequest } from "../../worker/messages.ts";
import type { Route } from "./route.ts";

export interface QueueState {
  /** As the worker last told them; the first one runs. */
  readonly jobs: Signal<readonly QueuedJob[]>;
  /** Those that are worth a word: none while the model is being loaded, or while nothing waits and what runs shows itself on
   * the page that is open. */
  readonly told: ReadonlySignal<readonly QueuedJob[]>;
  cancel(job: number): void;
}

export function createQueue(
  route: ReadonlySignal<Route>,
  model: ReadonlySignal<ReadyModel | null>,
  send: (request: WorkerRequest) => void,
): QueueState {
  const jobs = signal<readonly QueuedJob[]>([]);
  return {
    jobs,
    told: computed(() => {
      const [running, ...waiting] = jobs.value;
      const isPlain = running && waiting.length === 0 && running.part === route.value;
      const isLoading = model.value === null && (!running || running.part === "chat");
      return isLoading || isPlain ? [] : jobs.value;
    }),
    cancel: (job) => send({ kind: "cancelJob", job }),
  };
}
