// Finds where a stop string ends an answer, in text that comes token by token. What may still be the beginning of one is
// held back, in whole tokens, so that shown text and shown tokens are the same.

export interface ScannedText {
  /** To be shown: whole tokens, and where a stop string begins inside a token, that token's text before it. */
  readonly text: string;
  /** Tokens of the answer that are wholly shown. */
  readonly numTokens: number;
  /** A stop string follows the text: the answer is over. */
  readonly isStopped: boolean;
}

/** The text of a token that is not shown yet; tokens without text belong to the next that has some. */
interface HeldToken {
  readonly text: string;
  /** Tokens of the answer up to and with it. */
  readonly numTokens: number;
}

export class StopScanner {
  readonly #stopStrings: readonly string[];
  #held: HeldToken[] = [];
  #numShown = 0;

  /** RangeError for an empty stop string. */
  constructor(stopStrings: readonly string[]) {
    if (stopStrings.includes("")) throw new RangeError("stopStrings: expected texts, got an empty one");
    this.#stopStrings = stopStrings;
  }

  /** Takes the text that token number `numTokens` of the answer, counted from 1, made certain. With the last one, everything
   * that no stop string takes is shown. */
  push(text: string, numTokens: number, isLast: boolean): ScannedText {
    if (text !== "" || isLast) this.#held.push({ text, numTokens });
    const unshown = this.#held.map((held) => held.text).join("");
    const start = findStop(unshown, this.#stopStrings);
    if (start !== undefined) {
      this.#release(start);
      return { text: unshown.slice(0, start), numTokens: this.#numShown, isStopped: true };
    }
    const certain = isLast ? unshown.length : unshown.length - longestBeginning(unshown, this.#stopStrings);
    return { text: unshown.slice(0, this.#release(certain)), numTokens: this.#numShown, isStopped: false };
  }

  /** Lets go of the tokens that end within the first `length` characters; gives the number of their characters. */
  #release(length: number): number {
    let numReleased = 0;
    while (this.#held[0] && numReleased + this.#held[0].text.length <= length) {
      const { text, numTokens } = this.#held.shift()!;
      numReleased += text.length;
      this.#numShown = numTokens;
    }
    return numReleased;
  }
}

/** Where the stop string begins that is complete first, the longest of those; undefined when there is none. */
function findStop(text: string, stopStrings: readonly string[]): number | undefined {
  let first: { readonly start: number; readonly end: number } | undefined;
  for (const stopString of stopStrings) {
    const start = text.indexOf(stopString);
    if (start < 0) continue;
    const end = start + stopString.length;
    if (!first || end < first.end || (end === first.end && start < first.start)) first = { start, end };
  }
  return first?.start;
}

/** Characters at the end of the text that a stop string may begin with. */
function longestBeginning(text: string, stopStrings: readonly string[]): number {
  const longest = stopStrings.reduce((most, { length }) => Math.max(most, length - 1), 0);
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    if (stopStrings.some((stopString) => stopString.startsWith(text.slice(-length)))) return length;
  }
  return 0;
}
