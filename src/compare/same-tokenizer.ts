// Models can only be compared on one text if they see it as the same tokens.

import type { Tokenizer } from "../text/tokenizer.ts";

interface Tokenized {
  readonly name: string;
  readonly tokenizer: Tokenizer;
}

/** Letters, digits, marks, other scripts, an emoji: enough to tell two vocabularies apart. */
const PROBE =
  "The quick brown fox jumps over 13 lazy dogs; naïve café, ÆØÅ, Привет, 東京, 😀\n\tif (x != 0) { return `${y}`; }";

/** TypeError that names the first two that differ. */
export function expectSameTokenizer(models: readonly Tokenized[]): void {
  const [first, ...rest] = models;
  if (!first) return;
  const expected = first.tokenizer.encode(PROBE).join();
  for (const { name, tokenizer } of rest) {
    const isSame = tokenizer.vocabSize === first.tokenizer.vocabSize && tokenizer.encode(PROBE).join() === expected;
    if (!isSame) throw new TypeError(`${name}: expected the tokenizer of ${first.name}, got another one`);
  }
}
