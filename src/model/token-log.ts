// What a sequence has read. The log grows in place; who was shown it keeps seeing what it was, without a copy.

/** Ids, and the lengths of the blocks they were read in (1: decoded). */
export interface SequenceLog {
  readonly tokenIds: Uint32Array;
  readonly blockLengths: Uint32Array;
}

const SMALLEST_CAPACITY = 256;

/** The log of one sequence. */
export class TokenLog {
  readonly #tokenIds = new GrowingWords();
  readonly #blockLengths = new GrowingWords();

  get numTokens(): number {
    return this.#tokenIds.length;
  }

  /** The log as it is now; what happens to it later does not change what was given. */
  share(): SequenceLog {
    return { tokenIds: this.#tokenIds.share(), blockLengths: this.#blockLengths.share() };
  }

  appendBlock(ids: ArrayLike<number>): void {
    this.#tokenIds.append(ids);
    this.#blockLengths.append([ids.length]);
  }

  /** Forgets the last `numTokens`, each a block of its own. */
  removeDecoded(numTokens: number): void {
    this.#tokenIds.truncate(this.#tokenIds.length - numTokens);
    this.#blockLengths.truncate(this.#blockLengths.length - numTokens);
  }

  /** Becomes another log; nothing is copied if it is an earlier or later state of this one. */
  become({ tokenIds, blockLengths }: SequenceLog): void {
    this.#tokenIds.become(tokenIds);
    this.#blockLengths.become(blockLengths);
  }
}

/** Unsigned 32-bit words: the first ones may be shared, and are then never written again. */
class GrowingWords {
  #words = new Uint32Array(SMALLEST_CAPACITY);
  #length = 0;
  #sharedLength = 0;

  get length(): number {
    return this.#length;
  }

  share(): Uint32Array {
    this.#sharedLength = Math.max(this.#sharedLength, this.#length);
    return this.#words.subarray(0, this.#length);
  }

  append(values: ArrayLike<number>): void {
    const end = this.#length + values.length;
    if (end > this.#words.length || this.#length < this.#sharedLength) {
      const words = new Uint32Array(Math.max(SMALLEST_CAPACITY, 2 * end));
      words.set(this.#words.subarray(0, this.#length));
      this.#words = words;
      this.#sharedLength = 0;
    }
    this.#words.set(values, this.#length);
    this.#length = end;
  }

  truncate(length: number): void {
    this.#length = length;
  }

  become(words: Uint32Array): void {
    const isOwn = words.buffer === this.#words.buffer && words.byteOffset === 0 && words.length <= this.#sharedLength;
    if (!isOwn) {
      this.#words = Uint32Array.from(words);
      this.#sharedLength = 0;
    }
    this.#length = words.length;
  }
}
