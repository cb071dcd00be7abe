// The GPU memory ledger as the worker last sent it.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { LedgerLine } from "../../worker/messages-engine.ts";

export interface MemoryState {
  readonly lines: ReadonlySignal<readonly LedgerLine[]>;
  readonly allocatedBytes: ReadonlySignal<number>;
  readonly usedBytes: ReadonlySignal<number>;
  set(lines: readonly LedgerLine[]): void;
}

export function createMemory(): MemoryState {
  const lines = signal<readonly LedgerLine[]>([]);
  return {
    lines,
    allocatedBytes: computed(() => lines.value.reduce((sum, line) => sum + line.allocatedBytes, 0)),
    usedBytes: computed(() => lines.value.reduce((sum, line) => sum + line.usedBytes, 0)),
    set: (next) => {
      lines.value = next;
    },
  };
}
