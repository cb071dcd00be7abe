// What a report of a fault needs: the GPU, its memory, what was asked of it, and what failed. Never what was said.

import { signal } from "@preact/signals";
import type { Failure, LedgerLine, OpenGpuReport } from "../../worker/messages-engine.ts";
import type { ReadyModel } from "../../worker/messages-model.ts";

/** Failures that are kept, the newest last. */
const MOST_FAILURES = 20;

export interface Diagnosis {
  noteGpu(report: OpenGpuReport): void;
  noteCounters(counters: Readonly<Record<string, number>>): void;
  /** @param event what told of it */
  noteFailure(event: string, failure: Failure): void;
  /** As text, to be read by people. */
  report(now: ReportedState): string;
}

/** What the page knows by other means. */
export interface ReportedState {
  readonly version: string;
  readonly browser: string;
  readonly model: ReadyModel | null;
  readonly ledger: readonly LedgerLine[];
  readonly budgetBytes: number;
}

export function createDiagnosis(now: () => number): Diagnosis {
  const startMs = now();
  const gpu = signal<OpenGpuReport | null>(null);
  const counters = signal<Readonly<Record<string, number>>>({});
  const failures = signal<readonly string[]>([]);
  return {
    noteGpu: (report) => {
      gpu.value = report;
    },
    noteCounters: (told) => {
      counters.value = told;
    },
    noteFailure: (event, { kind, message }) => {
      const seconds = ((now() - startMs) / 1000).toFixed(1);
      failures.value = [...failures.value, `${seconds} s ${event}: ${kind}: ${message}`].slice(-MOST_FAILURES);
    },
    report: ({ version, browser, model, ledger, budgetBytes }) => {
      const told = gpu.value;
      const sections: readonly (readonly [string, readonly string[]])[] = [
        ["Relampago", [version]],
        ["browser", [browser]],
        [
          "model",
          model ? [`${model.name}, ${model.contextLength} tokens, kernels ${model.gpu.features.join(", ")}`] : [],
        ],
        ["adapter", told ? entriesOf(told.adapter) : []],
        ["features", told?.features ?? []],
        ["limits", told ? entriesOf(told.limits) : []],
        [
          `GPU memory, budget ${budgetBytes} bytes`,
          ledger.map(
            ({ kind, allocatedBytes, usedBytes }) => `${kind}: ${allocatedBytes} allocated, ${usedBytes} used`,
          ),
        ],
        ["counters", entriesOf(counters.value)],
        ["failures", failures.value],
      ];
      return sections
        .map(([title, lines]) => [`## ${title}`, ...(lines.length > 0 ? lines : ["-"])].join("\n"))
        .join("\n\n");
    },
  };
}

function entriesOf(record: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(record).map(([name, value]) => `${name}: ${value}`);
}
