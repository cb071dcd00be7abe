// From the first visit to a model that is ready: what the page waits for, and why it failed. Knows nothing of the chat.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Failure, LoadPhase, ReadyModel } from "../../worker/messages.ts";
import { addSample, bytesPerSecond, type DownloadSample } from "./download-rate.ts";

/** What the browser tells before a worker is started. */
export interface Environment {
  readonly hasWebGpu: boolean;
  readonly isSecureContext: boolean;
  /** The connection is metered, or the person asked the browser to save data. */
  readonly isMetered: boolean;
}

export type LifeCycle =
  /** Until the size of the download is known. */
  | { readonly state: "starting"; readonly phase: LoadPhase; readonly sinceMs: number }
  /** The weights are fetched once the person agrees. */
  | { readonly state: "asking"; readonly name: string; readonly totalBytes: number }
  | {
      readonly state: "loading";
      readonly name: string;
      readonly phase: LoadPhase;
      readonly loadedBytes: number;
      readonly totalBytes: number;
      /** When this phase began. */
      readonly sinceMs: number;
      readonly samples: readonly DownloadSample[];
    }
  | { readonly state: "ready"; readonly model: ReadyModel }
  | { readonly state: "failed"; readonly failure: Failure };

/** Downloads up to this size start without a question, unless the connection is metered. */
export const UNASKED_BYTES = 100_000_000;

/** Whether the page should ask before it downloads. */
export function mustAsk(totalBytes: number, environment: Environment): boolean {
  return environment.isMetered || totalBytes >= UNASKED_BYTES;
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
  /** null: how far it is cannot be known. */
  readonly fraction: number | null;
  readonly loadedBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
  readonly elapsedMs: number;
}

export interface LifeCycleState {
  readonly current: ReadonlySignal<LifeCycle>;
  readonly model: ReadonlySignal<ReadyModel | null>;
  readonly progress: ReadonlySignal<LoadProgress | null>;
  set(next: LifeCycle): void;
  /** Ends in failure. Of several failures the first is kept: the others follow from it. */
  fail(failure: Failure): void;
  /** Takes a `loading` event; late ones, after the end of loading, change nothing. */
  advance(phase: LoadPhase, loadedBytes: number, totalBytes: number): void;
}

/** @param clock milliseconds; updated while something is awaited. */
export function createLifeCycle(clock: ReadonlySignal<number>, now: () => number): LifeCycleState {
  const current = signal<LifeCycle>({ state: "starting", phase: "adapter", sinceMs: now() });

  const progress = computed((): LoadProgress | null => {
    const cycle = current.value;
    if (cycle.state === "starting") {
      const elapsedMs = Math.max(0, clock.value - cycle.sinceMs);
      return {
        phase: cycle.phase,
        fraction: null,
        loadedBytes: 0,
        totalBytes: 0,
        bytesPerSecond: null,
        secondsLeft: null,
        elapsedMs,
      };
    }
    if (cycle.state !== "loading") return null;
    const { phase, loadedBytes, totalBytes, samples } = cycle;
    const elapsedMs = Math.max(0, clock.value - cycle.sinceMs);
    if (phase !== "weights") {
      return { phase, fraction: null, loadedBytes, totalBytes, bytesPerSecond: null, secondsLeft: null, elapsedMs };
    }
    const rate = bytesPerSecond(samples);
    return {
      phase,
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
    set: (next) => {
      current.value = next;
    },
    fail: (failure) => {
      if (current.value.state !== "failed") current.value = { state: "failed", failure };
    },
    advance: (phase, loadedBytes, totalBytes) => {
      const cycle = current.value;
      const atMs = now();
      if (cycle.state === "starting") {
        current.value = { ...cycle, phase, sinceMs: cycle.phase === phase ? cycle.sinceMs : atMs };
      } else if (cycle.state === "loading") {
        const samples = phase === "weights" ? addSample(cycle.samples, { atMs, loadedBytes }) : [];
        const sinceMs = cycle.phase === phase ? cycle.sinceMs : atMs;
        current.value = { ...cycle, phase, loadedBytes, totalBytes, sinceMs, samples };
      }
    },
  };
}
