// How much GPU memory may be taken. WebGPU tells neither what is free nor what is there, so this is an estimate that the
// person can change; what exceeds it is refused before anything is made.

/** More than the budget leaves: nothing was made. */
export class MemoryBudgetError extends Error {
  override readonly name = "MemoryBudgetError";
  readonly what: string;
  readonly neededBytes: number;
  readonly usedBytes: number;
  readonly budgetBytes: number;

  constructor(what: string, neededBytes: number, usedBytes: number, budgetBytes: number) {
    const free = Math.max(0, budgetBytes - usedBytes);
    super(`${what}: expected at most ${free} bytes (${usedBytes} of ${budgetBytes} are used), got ${neededBytes}`);
    this.what = what;
    this.neededBytes = neededBytes;
    this.usedBytes = usedBytes;
    this.budgetBytes = budgetBytes;
  }
}

/** The GPU has no room for what the budget allows: nothing was made. */
export class GpuMemoryError extends Error {
  override readonly name = "GpuMemoryError";
  readonly neededBytes: number;
  readonly usedBytes: number;

  constructor(what: string, neededBytes: number, usedBytes: number, reason: string) {
    super(`${what}: expected ${neededBytes} bytes of GPU memory beside ${usedBytes}, got: ${reason}`);
    this.neededBytes = neededBytes;
    this.usedBytes = usedBytes;
  }
}

/** Whether an error says that there is no room for what was asked for. */
export function isMemoryError(error: unknown): error is MemoryBudgetError | GpuMemoryError {
  return error instanceof MemoryBudgetError || error instanceof GpuMemoryError;
}

/** Shared by all sessions on a device. */
export class MemoryBudget {
  /** What may be used in all. */
  budgetBytes: number;
  #usedBytes = 0;

  constructor(budgetBytes = Infinity) {
    this.budgetBytes = budgetBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  canGrow(sizeBytes: number): boolean {
    return this.#usedBytes + sizeBytes <= this.budgetBytes;
  }

  /** Throws MemoryBudgetError where so much more would be too much. */
  expectRoom(what: string, sizeBytes: number): void {
    if (!this.canGrow(sizeBytes)) throw new MemoryBudgetError(what, sizeBytes, this.#usedBytes, this.budgetBytes);
  }

  /** For the session: bytes that were taken, or given back where negative. */
  count(sizeBytes: number): void {
    this.#usedBytes += sizeBytes;
  }
}
