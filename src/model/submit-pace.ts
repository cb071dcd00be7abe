// How many dispatches of prefill go into one submit: as many as the GPU does in the time that a page may be kept from
// drawing. Where a block is cut changes no number.

/** What a submit should take at most. */
const SUBMIT_MS = 50;
/** Before anything was measured: short enough for a slow GPU. */
const FIRST_DISPATCHES = 64;
const MIN_DISPATCHES = 4;
const MAX_DISPATCHES = 4096;

export class SubmitPace {
  #maxDispatches = FIRST_DISPATCHES;

  /** Most dispatches of the next submit. */
  get maxDispatches(): number {
    return this.#maxDispatches;
  }

  /** Takes note that so many dispatches took so long, with the GPU doing nothing else. */
  adapt(numDispatches: number, elapsedMs: number): void {
    if (numDispatches === 0 || !(elapsedMs > 0)) return;
    const affordable = Math.floor((SUBMIT_MS / elapsedMs) * numDispatches);
    // At most doubled, so that one short measurement does not make a long submit.
    const next = Math.min(affordable, 2 * this.#maxDispatches, MAX_DISPATCHES);
    this.#maxDispatches = Math.max(MIN_DISPATCHES, next);
  }
}
