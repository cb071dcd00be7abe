// Which of a KV cache's keys are still those of a text that was left: a log of where they were overwritten.

interface Overwrite {
  readonly generation: number;
  /** Position from which keys are others since then. */
  readonly start: number;
}

export class KvOverwrites {
  #generation = 0;
  /** Position up to which keys were written one after another. */
  #end = 0;
  /** Later ones begin further back in the text: those that a later one covers are not kept. */
  readonly #overwrites: Overwrite[] = [];

  /** Counts overwrites; what is there now is named by it. */
  get generation(): number {
    return this.#generation;
  }

  /** Takes note that keys of `numTokens` from `start` on are written. */
  note(start: number, numTokens: number): void {
    if (start < this.#end) {
      this.#generation += 1;
      while ((this.#overwrites.at(-1)?.start ?? -1) >= start) this.#overwrites.pop();
      this.#overwrites.push({ generation: this.#generation, start });
    }
    this.#end = start + numTokens;
  }

  /** How many of the first `position` keys of a generation are still there. */
  numKept(generation: number, position: number): number {
    const first = this.#overwrites.find((overwrite) => overwrite.generation > generation);
    return Math.min(position, first?.start ?? position);
  }
}
