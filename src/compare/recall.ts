// Whether a model finds a value again by its key in a list that it has read: what it says, and what it holds likeliest.

import { GREEDY } from "../kernels/call.ts";
import type { Sequence } from "../model/sequence.ts";
import { type Contender, createPacedSequence } from "./contender.ts";
import { createRecallList, namesValue, type RecallList, type RecallPair, recallPrompt } from "./recall-list.ts";
import { MOST_CHOICES, type RecallCell, type RecallPlan } from "./recall-result.ts";

export interface RecallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onCell?: ((cell: RecallCell) => void) | undefined;
}

/** Tokens of an answer: enough for a sentence with the value in it. */
const ANSWER_TOKENS = 16;
/** Far above any logit's distance from another: only these tokens can be drawn. */
const CHOICE_BIAS = 100;

/** Asks about every list of the plan, short ones first, on a sequence of its own; ends early by the signal. */
export async function measureRecall(
  contender: Contender,
  plan: RecallPlan,
  { signal, onCell }: RecallOptions = {},
): Promise<readonly RecallCell[]> {
  const cells: RecallCell[] = [];
  const sequence = await createPacedSequence(contender, 512);
  try {
    for (const size of plan.sizes) {
      for (const seed of plan.seeds) {
        if (signal?.aborted) return cells;
        const list = createRecallList(size, seed, contender.tokenizer);
        const cell = await askList(contender, sequence, list, { size, seed, questions: plan.questions });
        cells.push(cell);
        onCell?.(cell);
      }
    }
    return cells;
  } finally {
    sequence.destroy();
  }
}

/** Reads the list once; each question begins from its end. */
async function askList(
  contender: Contender,
  sequence: Sequence,
  list: RecallList,
  { size, seed, questions }: { readonly size: number; readonly seed: number; readonly questions: number },
): Promise<RecallCell> {
  const asked = evenlySpread(list.pairs, questions);
  const prompts = asked.map((pair) => encodePrompt(contender, list, pair));
  const numShared = sharedLength(prompts);
  sequence.clear();
  await sequence.prefill(prompts[0]!.slice(0, numShared), { output: "none" });
  const read = sequence.snapshot("list");
  let [numSaid, numChosen] = [0, 0];
  try {
    for (const [index, pair] of asked.entries()) {
      const question = prompts[index]!.slice(numShared);
      if (namesValue(await answer(contender, sequence, question), pair)) numSaid += 1;
      sequence.restore(read);
      if ((await choose(contender, sequence, question, choicesOf(list, pair))) === pair.firstTokenId) numChosen += 1;
      sequence.restore(read);
    }
  } finally {
    read.destroy();
  }
  const promptTokens = Math.max(...prompts.map(({ length }) => length));
  return { name: contender.name, size, seed, numAsked: asked.length, numSaid, numChosen, promptTokens };
}

function encodePrompt({ template }: Contender, list: RecallList, pair: RecallPair): number[] {
  const message = { role: "user" as const, content: recallPrompt(list, pair) };
  return template.encodeTurn([], [message], { previousAnswerEnded: false });
}

async function answer(
  { endTokenIds, tokenizer }: Contender,
  sequence: Sequence,
  question: readonly number[],
): Promise<string> {
  const draw = { sampling: GREEDY, endTokenIds };
  const ids = [(await sequence.prefill(question, { output: "last", ...draw }))!];
  if (!endTokenIds.includes(ids[0]!)) {
    for await (const id of sequence.generate(draw, ANSWER_TOKENS - 1)) ids.push(id);
  }
  return tokenizer.decode(ids, { skipSpecial: true });
}

/** The likeliest of `choices` to begin the answer. */
async function choose(
  { endTokenIds }: Contender,
  sequence: Sequence,
  question: readonly number[],
  choices: readonly number[],
): Promise<number> {
  const logitBias = choices.map((tokenId) => ({ tokenId, bias: CHOICE_BIAS }));
  const drawn = await sequence.prefill(question, {
    output: "last",
    sampling: { ...GREEDY, logitBias },
    endTokenIds,
  });
  return drawn!;
}

function choicesOf({ pairs }: RecallList, right: RecallPair): number[] {
  const others = pairs.filter((pair) => pair !== right).slice(0, MOST_CHOICES - 1);
  return [right, ...others].map(({ firstTokenId }) => firstTokenId);
}

/** `count` items, the first and the last among them where there are two or more. */
function evenlySpread<Item>(items: readonly Item[], count: number): Item[] {
  const numTaken = Math.min(count, items.length);
  if (numTaken === 1) return [items[Math.floor(items.length / 2)]!];
  return Array.from(
    { length: numTaken },
    (_, index) => items[Math.round((index * (items.length - 1)) / (numTaken - 1))]!,
  );
}

/** Of the ids that all prompts begin with; one is left for each to read. */
function sharedLength(prompts: readonly (readonly number[])[]): number {
  const [first, ...rest] = prompts as [readonly number[], ...(readonly number[])[]];
  let length = 0;
  while (length < first.length - 1 && rest.every((ids) => length < ids.length - 1 && ids[length] === first[length])) {
    length += 1;
  }
  return length;
}
