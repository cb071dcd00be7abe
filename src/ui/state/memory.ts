// GPU memory: the ledger as the worker last sent it, and how much the page may take.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { LedgerLine } from "../../worker/messages-engine.ts";
import { readSettings, type SettingsStorage, writeSettings } from "./settings.ts";

export interface MemoryState {
  readonly lines: ReadonlySignal<readonly LedgerLine[]>;
  readonly allocatedBytes: ReadonlySignal<number>;
  readonly usedBytes: ReadonlySignal<number>;
  /** An estimate, since no browser tells how much there is. */
  readonly budgetBytes: ReadonlySignal<number>;
  set(lines: readonly LedgerLine[]): void;
  /** Changes the budget, also for later visits; null is the page's own choice. What is too little or no number is ignored. */
  setBudget(bytes: number | null): void;
}

const DESKTOP_BUDGET_BYTES = 1e9;
const PHONE_BUDGET_BYTES = 512e6;
/** Less holds no model. */
export const SMALLEST_BUDGET_BYTES = 64e6;

/** @param onBudget hears of each change */
export function createMemory(
  isPhone: boolean,
  storage: SettingsStorage | null,
  onBudget: (bytes: number) => void,
): MemoryState {
  const lines = signal<readonly LedgerLine[]>([]);
  const chosenBytes = signal(readSettings(storage).settings.memoryBudgetBytes);
  const budgetBytes = computed(() => chosenBytes.value ?? (isPhone ? PHONE_BUDGET_BYTES : DESKTOP_BUDGET_BYTES));
  return {
    lines,
    allocatedBytes: computed(() => lines.value.reduce((sum, line) => sum + line.allocatedBytes, 0)),
    usedBytes: computed(() => lines.value.reduce((sum, line) => sum + line.usedBytes, 0)),
    budgetBytes,
    set: (next) => {
      lines.value = next;
    },
    setBudget: (bytes) => {
      if (bytes !== null && !(bytes >= SMALLEST_BUDGET_BYTES)) return;
      chosenBytes.value = bytes;
      writeSettings(storage, { memoryBudgetBytes: bytes });
      onBudget(budgetBytes.value);
    },
  };
}
