// Penalties and logit biases over whole texts: what counts for which, and that it survives stops, snapshots and replays.

import { beforeAll, expect, it } from "vitest";
import { GREEDY, type Sampling } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import type { Sequence } from "../../../src/model/sequence.ts";
import { createReferenceState, referenceForward } from "../../../src/reference/model.ts";
import { sample } from "../../../src/reference/sampler.ts";
import { readReferenceWeights, type ReferenceWeights } from "../../../src/reference/weights.ts";
import { openFixture } from "../../reference/golden.ts";
import { useSession } from "../harness.ts";

const session = useSession();
const VOCAB_SIZE = 300;
/** Longer than a block, so that several blocks are marked. */
const PROMPT = [5, 17, 200, 3, 9, 44, 91, 5, 6, 7, 150, 151, 152, 153, 154, 155, 156, 99, 5, 299];
const SECOND_PROMPT = [30, 31, 17];
const NUM_TOKENS = 24;
const PENALISED: Sampling = {
  ...GREEDY,
  repetitionPenalty: 1.4,
  frequencyPenalty: 0.5,
  presencePenalty: 0.25,
  logitBias: [
    { tokenId: 17, bias: 2 },
    { tokenId: 18, bias: -100 },
  ],
};
/** A busy software adapter takes minutes to compile. */
const LONG = { timeout: 400_000 };
const DRAWN = { ...PENALISED, temperature: 1.2, topP: 0.95, seed: 4 };

let model: Model;
let weights: ReferenceWeights;
let sequence: Sequence;

beforeAll(async () => {
  const source = await openFixture("golden-fused");
  weights = await readReferenceWeights(source);
  model = await Model.load(session(), source, { blockSize: 16 });
  sequence = await model.createSequence(256, { fixedPace: { depth: 3, steps: 4 } });
});

const drawBy = (sampling: Sampling) => ({ sampling, endTokenIds: [] });

/** Tokens of one answer after `ids`, up to `count`. */
async function answer(ids: readonly number[], sampling: Sampling, count = NUM_TOKENS): Promise<number[]> {
  const first = (await sequence.prefill(ids, { output: "last", ...drawBy(sampling) }))!;
  return [first, ...(await goOn(sampling, count - 1))];
}

async function goOn(sampling: Sampling, count: number): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of sequence.generate(drawBy(sampling), count)) tokens.push(token);
  return tokens;
}

/** The reference model's and sampler's answers to two prompts, the second after the first answer. */
function answerByReference(sampling: Sampling, countsPrompt: boolean): number[][] {
  const state = createReferenceState(weights.config);
  const inPrompt = new Uint8Array(VOCAB_SIZE);
  const text: number[] = [];
  return [PROMPT, SECOND_PROMPT].map((prompt, turn) => {
    const numDrawn = new Uint32Array(VOCAB_SIZE);
    const tokens: number[] = [];
    let unread = turn === 0 ? prompt : [text.at(-1)!, ...prompt];
    text.push(...prompt);
    if (countsPrompt) for (const id of text) inPrompt[id] = 1;
    while (tokens.length < NUM_TOKENS) {
      const logits = referenceForward(weights, state, unread).slice(-VOCAB_SIZE);
      const token = sample(logits, { inPrompt, numDrawn }, sampling, text.length);
      tokens.push(token);
      text.push(token);
      numDrawn[token]! += 1;
      unread = [token];
    }
    return tokens;
  });
}

it.each([
  ["greedy", PENALISED],
  ["drawn", DRAWN],
])("two answers, %s, are the reference's, which counts the prompt for repetition", LONG, async (_, sampling) => {
  sequence.clear();
  const first = await answer(PROMPT, sampling);
  const second = await answer([first.at(-1)!, ...SECOND_PROMPT], sampling);
  expect([first, second]).toEqual(answerByReference(sampling, true));
  expect([first, second]).not.toEqual(answerByReference(sampling, false));
  expect([...first, ...second]).not.toContain(18);
});

it("an answer taken up from a snapshot, or replayed, goes on as one that was not interrupted", LONG, async () => {
  sequence.clear();
  const first = (await sequence.prefill(PROMPT, { output: "last", ...drawBy(DRAWN) }))!;
  const start = sequence.snapshot();
  const rest = await goOn(DRAWN, NUM_TOKENS);
  for (const numBefore of [1, 7, NUM_TOKENS - 1]) {
    sequence.restore(start);
    expect(sequence.pendingToken).toBe(first);
    await sequence.replay(rest.slice(0, numBefore));
    const middle = sequence.snapshot();
    expect(await goOn(DRAWN, NUM_TOKENS - numBefore), `replayed ${numBefore}`).toEqual(rest.slice(numBefore));
    sequence.restore(middle);
    expect(await goOn(DRAWN, NUM_TOKENS - numBefore), `restored at ${numBefore}`).toEqual(rest.slice(numBefore));
    middle.destroy();
  }
  start.destroy();
});

it("a prompt aborted in its middle and read again leaves no trace", LONG, async () => {
  const long = Array.from({ length: 200 }, (_, index) => (index * 7) % 290);
  sequence.clear();
  await answer(PROMPT, DRAWN, 8);
  const before = sequence.snapshot();
  const expected = await answer(long, DRAWN);
  for (const numBlocks of [1, 4, 9]) {
    sequence.restore(before);
    const abort = new AbortController();
    const onProgress = (numTokens: number) => {
      if (numTokens >= numBlocks * model.blockSize) abort.abort();
    };
    const options = { output: "last", ...drawBy(DRAWN), signal: abort.signal, onProgress } as const;
    // Other ids than those that are read in the end.
    expect(
      await sequence.prefill(
        long.map((id) => id + 9),
        options,
      ),
    ).toBeUndefined();
    sequence.restore(before);
    expect(await answer(long, DRAWN), `aborted after ${numBlocks} blocks`).toEqual(expected);
  }
  before.destroy();
});

it("a bias that the sampler cannot take is refused before anything is read", async () => {
  sequence.clear();
  const refused = { ...GREEDY, logitBias: [{ tokenId: VOCAB_SIZE, bias: 1 }] };
  const message = `logitBias: expected token ids from 0 to ${VOCAB_SIZE - 1}, got ${VOCAB_SIZE}`;
  await expect(answer(PROMPT, refused)).rejects.toThrow(message);
  expect(sequence.position).toBe(0);
  const first = await answer(PROMPT, GREEDY, 1);
  await expect(goOn(refused, 1)).rejects.toThrow(message);
  expect(sequence.position).toBe(PROMPT.length);
  expect(sequence.pendingToken).toBe(first[0]);
});
