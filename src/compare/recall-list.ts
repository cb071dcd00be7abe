// Key–value lists to be remembered: whose password is what, in the wording that the models were trained on. Every list is
// a function of its size and seed.

import wordings from "../document/facts.json" with { type: "json" };
import { DOCUMENT_LEAD, QUESTION_GAP } from "../document/facts.ts";
import { createRandom, type Random } from "../document/random.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

export interface RecallPair {
  /** A person. */
  readonly key: string;
  /** A thing; the first tokens of a list's values differ. */
  readonly value: string;
  readonly firstTokenId: number;
}

export interface RecallList {
  readonly pairs: readonly RecallPair[];
  /** All pairs as sentences. */
  readonly text: string;
}

const { first: FIRST_NAMES, last: LAST_NAMES, thing: THINGS } = wordings.lists;

/** RangeError when there are not so many things that begin with different tokens. */
export function createRecallList(size: number, seed: number, tokenizer: Tokenizer): RecallList {
  const random = createRandom(seed * 0x10000 + size);
  const people = shuffle(FIRST_NAMES, random).slice(0, size);
  const surnames = shuffle(LAST_NAMES, random);
  const byFirstToken = new Map(
    shuffle(THINGS, random).map((thing): [number, string] => [tokenizer.encodePlain(thing)[0]!, thing]),
  );
  const values = [...byFirstToken].slice(0, size);
  if (people.length < size || values.length < size) {
    const most = Math.min(people.length, values.length);
    throw new RangeError(`recall list: expected at most ${most} pairs, got ${size}`);
  }
  const pairs = people.map((first, index): RecallPair => {
    const [firstTokenId, value] = values[index]!;
    return { key: `${first} ${surnames[index % surnames.length]!}`, value, firstTokenId };
  });
  return { pairs, text: pairs.map(({ key, value }) => `The password of ${key} is ${value}.`).join(" ") };
}

/** What is asked of a list: its text, then one of its keys. */
export function recallPrompt({ text }: RecallList, { key }: RecallPair): string {
  return [DOCUMENT_LEAD, text, `What is the password of ${key}?`].join(QUESTION_GAP);
}

/** Whether an answer names the value, as a word. */
export function namesValue(answer: string, { value }: RecallPair): boolean {
  return new RegExp(`\\b${value}\\b`).test(answer);
}

function shuffle<Item>(items: readonly Item[], random: Random): Item[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = random.between(0, last);
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  return shuffled;
}
