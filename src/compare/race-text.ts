// The text of a race: a person's own, or a chronicle of an invented valley that is exactly as long as wanted.

import { createChronicle } from "../document/chronicle.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

/** Longer than that the chronicle must be, so that enough of it is left. */
const MARGIN = 1.2;

/** `numTokens` ids of a chronicle, the same for the same seed. */
export function chronicleIds(tokenizer: Tokenizer, numTokens: number, seed: number): number[] {
  const ids: number[] = [];
  const chronicle = createChronicle(seed, Math.ceil(MARGIN * numTokens) + 100, []);
  for (const paragraph of chronicle.paragraphs()) {
    if (ids.length >= numTokens) break;
    for (const id of tokenizer.encodePlain(paragraph)) ids.push(id);
  }
  if (ids.length < numTokens) throw new RangeError(`chronicle: expected ${numTokens} tokens, got ${ids.length}`);
  return ids.slice(0, numTokens);
}
