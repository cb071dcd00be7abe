// Encodes a long text that comes in chunks, cut anywhere, into the ids of the whole text. It holds back only what the next
// chunk may still change: the text after the last end of a word.

import type { Tokenizer } from "./tokenizer.ts";

/** Characters that are encoded at once: some milliseconds. */
const STEP_CHARS = 8192;

export class StreamingEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #endsPiecesWithWords: boolean;
  #held = "";
  /** No end of a word lies before this place in what is held. */
  #searched = 0;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#endsPiecesWithWords = tokenizer.endsPiecesWithWords;
  }

  /** What was pushed and is not in any ids yet; it begins at the end of a word. */
  get held(): string {
    return this.#held;
  }

  /** Plain text; control tokens in it are letters. Gives ids in steps between which a caller may let others run. */
  *push(chunk: string): Generator<readonly number[], void> {
    for (let start = 0; start < chunk.length; start += STEP_CHARS) {
      this.#held += chunk.slice(start, start + STEP_CHARS);
      if (!this.#endsPiecesWithWords || this.#held.length < STEP_CHARS) continue;
      const cut = findWordEnd(this.#held, this.#searched);
      if (cut !== undefined) yield this.#take(cut);
      // The last character may be the end of a word once the next is known.
      else this.#searched = Math.max(0, this.#held.length - 1);
    }
  }

  /** The ids up to the last end of a word. The rest stays held. */
  flush(): readonly number[] {
    const cut = this.#endsPiecesWithWords ? findWordEnd(this.#held, 0) : undefined;
    return cut === undefined ? [] : this.#take(cut);
  }

  /** The ids of the rest; the encoder is then as new. */
  end(): readonly number[] {
    return this.#take(this.#held.length);
  }

  #take(length: number): readonly number[] {
    const ids = this.#tokenizer.encodePlain(this.#held.slice(0, length));
    this.#held = this.#held.slice(length);
    this.#searched = 0;
    return ids;
  }
}

const LETTER = /\p{L}/u;
const NUMBER = /\p{N}/u;
const SPACE = /\s/;
const PUNCTUATION = new Set(".,;:!?、。，；：！？");

/** Where the last word of a text ends that something follows, from `from` on; undefined when there is none. There, every
 * pattern of GPT-2's family begins a new piece. */
function findWordEnd(text: string, from: number): number | undefined {
  for (let at = text.length - 1; at > from; at--) {
    const isSpace = SPACE.test(text[at]);
    if (!isSpace && !PUNCTUATION.has(text[at])) continue;
    // The second half of a pair stands for the whole character.
    const isPair = at > 1 && /[\udc00-\udfff]/.test(text[at - 1]);
    const before = isPair ? text.slice(at - 2, at) : text[at - 1];
    if (LETTER.test(before) || (isSpace && NUMBER.test(before))) return at;
  }
  return undefined;
}
