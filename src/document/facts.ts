// Facts to hide in a text, with the question that asks for each and the answer that the text gives. The shipped models were
// trained on questions worded like these, about other texts.

import wordings from "./facts.json" with { type: "json" };
import type { Random } from "./random.ts";

export interface Fact {
  /** A sentence. */
  readonly statement: string;
  readonly question: string;
  /** As it stands in the statement. */
  readonly answer: string;
}

const { lists } = wordings;

/** What a person says before a text, and what stands between the text and the question. */
export const DOCUMENT_LEAD = wordings.lead[0];
export const QUESTION_GAP = "\n\n";

/** Facts of which no two answer the same question. RangeError for more than the words allow. */
export function drawFacts(random: Random, numFacts: number): readonly Fact[] {
  const facts: Fact[] = [];
  const taken = new Set<string>();
  for (let trial = 0; facts.length < numFacts; trial++) {
    if (trial > 100 * numFacts) throw new RangeError(`facts: expected fewer than ${numFacts}, got no more questions`);
    const kind = random.between(0, wordings.facts.length - 1);
    const { key, statements, questions, answer } = wordings.facts[kind];
    const words = drawWords(random);
    const name = [kind, ...key.map((slot) => words[slot])].join(" ");
    if (taken.has(name)) continue;
    taken.add(name);
    const fill = (wording: string): string => wording.replace(/\{(\w+)\}/g, (_, slot: string) => words[slot]);
    facts.push({
      statement: fill(random.pick(statements)),
      question: fill(random.pick(questions)),
      answer: fill(answer),
    });
  }
  return facts;
}

/** Whether an answer says what was hidden; a model may say more than that. */
export function isRightAnswer(said: string, { answer }: Pick<Fact, "answer">): boolean {
  const plain = (text: string): string => ` ${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ")} `;
  return plain(said).includes(plain(answer));
}

function drawWords(random: Random): Record<string, string> {
  const { first, last, city, job, thing, color, month, room, secret, animal, relation } = lists;
  const person = `${random.pick(first)} ${random.pick(last)}`;
  const person2 = `${random.pick(first)} ${random.pick(last)}`;
  return {
    person,
    // Nobody is their own neighbor.
    person2:
      person2 === person
        ? `${random.pick(first)} ${last[(last.indexOf(person.split(" ")[1]) + 1) % last.length]}`
        : person2,
    first2: random.pick(first),
    city: random.pick(city),
    job: random.pick(job),
    thing: random.pick(thing),
    color: random.pick(color),
    month: random.pick(month),
    dayOfMonth: String(random.between(1, 28)),
    room: random.pick(room),
    secret: random.pick(secret),
    animal: random.pick(animal),
    relation: random.pick(relation),
    number: digits(random, random.between(3, 7)),
    code: drawCode(random),
  };
}

function drawCode(random: Random): string {
  const { thing, color } = lists;
  switch (random.between(0, 3)) {
    case 0:
      return digits(random, random.between(4, 8));
    case 1:
      return `${random.pick(thing)}-${digits(random, 3)}`;
    case 2: {
      const letters = Array.from({ length: 3 }, () => String.fromCharCode(65 + random.between(0, 25)));
      return `${letters.join("")}-${digits(random, 4)}`;
    }
    default:
      return `${random.pick(color)} ${random.pick(thing)}`;
  }
}

function digits(random: Random, length: number): string {
  return Array.from({ length }, (_, index) => random.between(index === 0 ? 1 : 0, 9)).join("");
}
