// The one place where the worker's events become state.

import type { WorkerEvent } from "../../worker/messages.ts";
import type { BenchmarkState } from "./benchmark.ts";
import type { CompareState } from "./compare.ts";
import type { DocumentState } from "./document.ts";
import type { ConversationState } from "./conversation.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { documentProblem } from "./document-problem.ts";
import type { LifeCycleState } from "./life-cycle.ts";
import type { MemoryState } from "./memory.ts";
import type { QueueState } from "./queue.ts";

export interface EventTargets {
  readonly lifeCycle: LifeCycleState;
  readonly conversation: ConversationState;
  readonly memory: MemoryState;
  readonly benchmark: BenchmarkState;
  readonly compare: CompareState;
  readonly document: DocumentState;
  readonly queue: QueueState;
  readonly diagnosis: Diagnosis;
  /** Decides whether to ask before the weights are fetched. */
  weigh(name: string, totalBytes: number, keptBytes: number): void;
}

export function applyEvent(event: WorkerEvent, targets: EventTargets): void {
  if ("failure" in event) targets.diagnosis.noteFailure(event.kind, event.failure);
  const { lifeCycle, conversation, memory, benchmark, compare, document, queue, diagnosis, weigh } = targets;
  switch (event.kind) {
    case "size":
      return weigh(event.name, event.totalBytes, event.keptBytes);
    case "loading":
      return lifeCycle.advance(event);
    case "paused":
      return lifeCycle.beginPause(event.problem, event.message, event.pauseMs);
    case "resumed":
      return lifeCycle.endPause();
    case "keeping":
      lifeCycle.keeping.value = event.keeping;
      return;
    case "ready":
      return lifeCycle.set({ state: "ready", model: event.model });
    case "loadFailed":
      return lifeCycle.fail(event.failure);
    case "chatCleared":
      return conversation.clear(event.usedTokens);
    case "reading":
      return conversation.read(event.turn, event.readTokens, event.totalTokens);
    case "text":
      return conversation.append(event.turn, event.text, event.generatedTokens, event.elapsedMs);
    case "turnEnded":
      return conversation.end(event.turn, event.reason, event.timings, event.usedTokens);
    case "turnFailed":
      // The engine's state is unknown after a failure: it is loaded again before the next message.
      conversation.fail(event.turn, event.failure);
      return lifeCycle.fail(event.failure);
    case "gpuOpened":
      return diagnosis.noteGpu(event.report);
    case "counters":
      return diagnosis.noteCounters(event.counters);
    case "restoring":
      lifeCycle.outage.value = { state: "restoring", failure: event.failure };
      return;
    case "gpuGivenUp":
      lifeCycle.outage.value = { state: "given-up", failure: event.failure };
      return;
    case "restored":
      lifeCycle.outage.value = null;
      return;
    case "benchmarkSetup":
      return benchmark.begin(event.setup);
    case "benchmarkLaunch":
      benchmark.launch.value = event.launch;
      return;
    case "benchmarkRun":
      benchmark.current.value = event;
      return;
    case "benchmarkMeasured":
      benchmark.measurements.value = [...benchmark.measurements.value, event.measurement];
      return;
    case "benchmarkSkipped":
      benchmark.skipped.value = [...benchmark.skipped.value, event.skipped];
      return;
    case "benchmarkEnded":
      return benchmark.end(event.result);
    case "benchmarkFailed":
      benchmark.abandon();
      return lifeCycle.fail(event.failure);
    case "compareSize":
    case "compareLoading":
    case "compareReady":
    case "compareBegun":
    case "compareEnded":
    case "compareFailed":
    case "compareAnswering":
    case "compareRead":
    case "compareWrote":
    case "compareLane":
    case "compareRecalled":
    case "compareInspected":
    case "compareWeights":
      return compare.apply(event);
    case "documentFailed":
      document.apply(event);
      return documentProblem(event.failure) === undefined ? lifeCycle.fail(event.failure) : undefined;
    case "documentCounting":
    case "documentOpened":
    case "documentReading":
    case "documentBegunAnew":
    case "documentPaused":
    case "documentRead":
    case "documentText":
    case "documentTurnEnded":
    case "documentKept":
    case "documentList":
    case "documentExported":
    case "documentProblem":
      return document.apply(event);
    case "queue":
      queue.jobs.value = event.jobs;
      return;
    case "ledger":
      return memory.set(event.lines);
    default:
      return expectNever(event);
  }
}

function expectNever(event: never): never {
  throw new TypeError(`worker event: expected a known kind, got ${JSON.stringify(event)}`);
}
