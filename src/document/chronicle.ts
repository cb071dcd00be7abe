// A sample to read: the chronicle of an invented valley, of any length, with facts hidden at known depths. The same seed
// writes the same text.

import { PLACES, SENTENCES, WORDS } from "./chronicle-words.ts";
import { drawFacts, type Fact } from "./facts.ts";
import { createRandom, type Random } from "./random.ts";

export interface HiddenFact extends Fact {
  /** Where it stands: 0 is the beginning of the text, 1 its end. */
  readonly depth: number;
}

export interface Chronicle {
  readonly title: string;
  /** By depth. */
  readonly facts: readonly HiddenFact[];
  /** Nearly. */
  readonly numChars: number;
  /** The whole text, in paragraphs; can be called again. */
  paragraphs(): Generator<string, void>;
}

/** Measured with the shipped tokenizer on 100,000 tokens. */
const CHARS_PER_TOKEN = 3.8;
const PARAGRAPHS_A_YEAR = 7;

/** Writes about `numTokens` tokens, with a fact at each of `depths`. */
export function createChronicle(seed: number, numTokens: number, depths: readonly number[]): Chronicle {
  const numChars = Math.round(numTokens * CHARS_PER_TOKEN);
  const facts = drawFacts(createRandom(seed), depths.length).map((fact, index) => ({ ...fact, depth: depths[index] }));
  const sorted = facts.toSorted((a, b) => a.depth - b.depth);
  return {
    title: `Chronicle of the Alder valley, no. ${seed}`,
    facts: sorted,
    numChars,
    paragraphs: () => writeParagraphs(createRandom(seed ^ 0x5eed), numChars, sorted),
  };
}

function* writeParagraphs(random: Random, numChars: number, facts: readonly HiddenFact[]): Generator<string, void> {
  let written = 0;
  let numParagraphs = 0;
  let nextFact = 0;
  const isDue = (): boolean => {
    const fact = facts[nextFact];
    return fact !== undefined && written >= fact.depth * numChars;
  };
  const take = (): string => facts[nextFact++].statement;
  while (written < numChars || nextFact < facts.length) {
    const isHeading = numParagraphs % PARAGRAPHS_A_YEAR === 0;
    const year = 1 + numParagraphs / PARAGRAPHS_A_YEAR;
    let paragraph = isHeading ? `The year ${year} of the chronicle` : writeParagraph(random, numChars - written);
    if (!isHeading && isDue()) paragraph = hide(random, take(), paragraph);
    const text = numParagraphs === 0 ? paragraph : `\n\n${paragraph}`;
    numParagraphs++;
    written += text.length;
    yield text;
  }
}

/** Facts stand alone as a paragraph, or at the start or the end of one. */
function hide(random: Random, statement: string, paragraph: string): string {
  switch (random.between(0, 2)) {
    case 0:
      return `${statement} ${paragraph}`;
    case 1:
      return `${paragraph} ${statement}`;
    default:
      return `${statement}\n\n${paragraph}`;
  }
}

function writeParagraph(random: Random, charsLeft: number): string {
  const numSentences = random.between(3, 6);
  let paragraph = writeSentence(random);
  for (let sentence = 1; sentence < numSentences && paragraph.length < charsLeft; sentence++) {
    paragraph += ` ${writeSentence(random)}`;
  }
  return paragraph;
}

function writeSentence(random: Random): string {
  let place = "";
  const sentence = random.pick(SENTENCES).replace(/\{(\w+)\}/g, (_, slot: string) => {
    if (slot === "place") return (place = random.pick(PLACES));
    // Another one than the place before it.
    if (slot === "place2")
      return PLACES[(PLACES.indexOf(place) + random.between(1, PLACES.length - 1)) % PLACES.length];
    return random.pick(WORDS[slot]);
  });
  return sentence[0].toUpperCase() + sentence.slice(1);
}
