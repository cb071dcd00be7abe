// From the first visit to a model that is ready: what the page waits for, and why it failed. Knows nothing of the chat.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { WorkerEvent } from "../../worker/messages.ts";
import type { Failure } from "../../worker/messages-engine.ts";
import type { ByteOrigin, Keeping, LoadPhase, PauseProblem, ReadyModel } from "../../worker/messages-model.ts";
import { addSample, bytesPerSecond, type DownloadSample } from "./download-rate.ts";

/** What the browser tells before a worker is started. */
export interface Environment {
  readonly hasWebGpu: boolean;
  readonly isSecureContext: boolean;
  /** The connection is metered, or the person asked the browser to save data. */
  readonly isMetered: boolean;
  /** Phones share less memory with their GPU. */
  readonly isPhone: boolean;
}

export type LifeCycle =
  /** Until the size of the download is known. */
  | { readonly state: "starting"; readonly phase: LoadPhase; readonly sinceMs: number }
  /** The weights are fetched once the person agrees. */
  | { readonly state: "asking"; readonly name: string; readonly totalBytes: number; readonly keptBytes: number }
  | {
      readonly state: "loading";
      readonly name: string;
      readonly phase: LoadPhase;
      readonly loadedBytes: number;
      readonly totalBytes: number;
      /** Of those, the bytes that need not be downloaded. */
      readonly keptBytes: number;
      readonly origin: ByteOrigin;
      /** When this phase began. */
      readonly sinceMs: number;
      readonly samples: readonly DownloadSample[];
    }
  | { readonly state: "ready"; readonly model: ReadyModel }
  | { readonly state: "failed"; readonly failure: Failure };

/** Downloads up to this size start without a question, unless the connection is metered. */
export const UNASKED_BYTES = 100_000_000;

/** Whether the page should ask before it downloads so many bytes. */
export function mustAsk(missingBytes: number, environment: Environment): boolean {
  return missingBytes > 0 && (environment.isMetered || missingBytes >= UNASKED_BYTES);
}

/** The download waits for its next try. */
export interface Pause {
  readonly problem: PauseProblem;
  /** `<file>: expected x, got y`. */
  readonly message: string;
  readonly untilMs: number;
}

/** The GPU failed: it is being brought back, or that waits for the person. */
export interface Outage {
  readonly state: "restoring" | "given-up";
  readonly failure: Failure;
}

/** What makes loading pointless, or null. An insecure page has no `navigator.gpu` either, so it is told first. */
export function findObstacle(environment: Environment): Failure | null {
  if (!environment.isSecureContext) {
    return { kind: "insecure-origin", message: "page: expected a secure context, got an insecure one" };
  }
  if (!environment.hasWebGpu) return { kind: "no-webgpu", message: "navigator.gpu: expected WebGPU, got undefined" };
  return null;
}

export interface LoadProgress {
  readonly phase: LoadPhase;
  readonly origin: ByteOrigin;
  /** null: how far it is cannot be known. */
  readonly fraction: number | null;
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** null where nothing is downloaded, or not for long enough to tell. */
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
  readonly elapsedMs: number;
}

type LoadingEvent = Extract<WorkerEvent, { kind: "loading" }>;

export interface LifeCycleState {
  readonly current: ReadonlySignal<LifeCycle>;
  readonly model: ReadonlySignal<ReadyModel | null>;
  readonly progress: ReadonlySignal<LoadProgress | null>;
  readonly pause: ReadonlySignal<Pause | null>;
  /** Whole seconds until the next try; null without a pause. */
  readonly secondsToTry: ReadonlySignal<number | null>;
  /** Whether the model is there at the next visit; null: not known yet. */
  readonly keeping: Signal<Keeping | null>;
  readonly outage: Signal<Outage | null>;
  set(next: LifeCycle): void;
  /** Ends in failure. Of several failures the first is kept: the others follow from it. */
  fail(failure: Failure): void;
  /** Takes a `loading` event; late ones, after the end of loading, change nothing. */
  advance(event: LoadingEvent): void;
  beginPause(problem: PauseProblem, message: string, pauseMs: number): void;
  endPause(): void;
}

/** @param clock milliseconds; updated while something is awaited. */
export function createLifeCycle(clock: ReadonlySignal<number>, now: () => number): LifeCycleState {
  const current = signal<LifeCycle>({ state: "starting", phase: "adapter", sinceMs: now() });

  const pause = signal<Pause | null>(null);
  const outage = signal<Outage | null>(null);

  const progress = computed((): LoadProgress | null => {
    const cycle = current.value;
    if (cycle.state !== "starting" && cycle.state !== "loading") return null;
    const { phase } = cycle;
    const elapsedMs = Math.max(0, clock.value - cycle.sinceMs);
    const [loadedBytes, totalBytes] = cycle.state === "loading" ? [cycle.loadedBytes, cycle.totalBytes] : [0, 0];
    const unknown = { fraction: null, bytesPerSecond: null, secondsLeft: null };
    if (cycle.state === "starting" || phase !== "weights") {
      return { phase, origin: "network", loadedBytes, totalBytes, elapsedMs, ...unknown };
    }
    const { origin, samples } = cycle;
    const rate = origin === "network" && pause.value === null ? bytesPerSecond(samples) : null;
    return {
      phase,
      origin,
      fraction: totalBytes > 0 ? Math.min(1, loadedBytes / totalBytes) : null,
      loadedBytes,
      totalBytes,
      bytesPerSecond: rate,
      secondsLeft: rate === null ? null : Math.max(0, totalBytes - loadedBytes) / rate,
      elapsedMs,
    };
  });

  return {
    current,
    model: computed(() => (current.value.state === "ready" ? current.value.model : null)),
    progress,
    pause,
    secondsToTry: computed(() => pause.value && Math.max(0, Math.ceil((pause.value.untilMs - clock.value) / 1000))),
    keeping: signal<Keeping | null>(null),
    outage,
    set: (next) => {
      pause.value = null;
      current.value = next;
    },
    fail: (failure) => {
      pause.value = null;
      outage.value = null;
      if (current.value.state !== "failed") current.value = { state: "failed", failure };
    },
    advance: (event) => {
      const cycle = current.value;
      if (cycle.state !== "starting" && cycle.state !== "loading") return;
      const { phase } = event;
      const atMs = now();
      const sinceMs = cycle.phase === phase ? cycle.sinceMs : atMs;
      if (cycle.state === "starting" || phase !== "weights") {
        current.value = { ...cycle, phase, sinceMs };
      } else {
        const { loadedBytes, totalBytes, origin } = event;
        // Bytes of another origin say nothing about the connection, nor do those that come a second time.
        const isOneRun = origin === cycle.origin && loadedBytes >= cycle.loadedBytes;
        const samples = addSample(isOneRun ? cycle.samples : [], { atMs, loadedBytes });
        current.value = { ...cycle, phase, loadedBytes, totalBytes, origin, sinceMs, samples };
      }
    },
    beginPause: (problem, message, pauseMs) => {
      pause.value = { problem, message, untilMs: now() + pauseMs };
    },
    endPause: () => {
      pause.value = null;
      const cycle = current.value;
      // The pause is not the connection's speed.
      if (cycle.state === "loading") current.value = { ...cycle, samples: [] };
    },
  };
}
