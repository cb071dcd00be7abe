// Knows every GPU buffer: what it is for, how large it is, and how much of it holds something.

export type MemoryKind =
  "weights" | "recurrent state" | "KV cache" | "activations" | "staging" | "snapshots" | "tables";

/** One GPU buffer in the ledger; `usedBytes` is kept up to date by its owner. */
export interface LedgerEntry {
  readonly label: string;
  readonly kind: MemoryKind;
  readonly allocatedBytes: number;
  usedBytes: number;
}

export interface LedgerTotal {
  readonly kind: MemoryKind;
  readonly allocatedBytes: number;
  readonly usedBytes: number;
}

/** The list of all live buffers of one session. */
export class MemoryLedger {
  readonly #entries = new Set<LedgerEntry>();

  add(entry: LedgerEntry): void {
    this.#entries.add(entry);
  }

  remove(entry: LedgerEntry): void {
    this.#entries.delete(entry);
  }

  entries(): readonly LedgerEntry[] {
    return [...this.#entries];
  }

  /** Sums per kind, in the order in which the kinds first appeared. */
  totals(): readonly LedgerTotal[] {
    return sumByKind([...this.#entries]);
  }

  get allocatedBytes(): number {
    return [...this.#entries].reduce((sum, entry) => sum + entry.allocatedBytes, 0);
  }
}

/** Of several ledgers, or of entries: sums per kind, in the order in which the kinds first appear. */
export function sumByKind(lines: readonly LedgerTotal[]): readonly LedgerTotal[] {
  const totals = new Map<MemoryKind, { allocatedBytes: number; usedBytes: number }>();
  for (const { kind, allocatedBytes, usedBytes } of lines) {
    const total = totals.get(kind) ?? { allocatedBytes: 0, usedBytes: 0 };
    total.allocatedBytes += allocatedBytes;
    total.usedBytes += usedBytes;
    totals.set(kind, total);
  }
  return [...totals].map(([kind, total]) => ({ kind, ...total }));
}
