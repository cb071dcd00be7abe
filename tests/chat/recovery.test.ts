import { expect, test } from "vitest";
import type { Conversation } from "../../src/chat/conversation.ts";
import { createTurnProgress, type SendOptions, type TurnEnd, type TurnProgress } from "../../src/chat/turn.ts";
import { GREEDY, type Sampling } from "../../src/kernels/call.ts";
import type { Model } from "../../src/model/model.ts";
import { BLOCK_SIZE, type Chat, createChat, createSequence, DRAW, readState, say, useModel } from "./made-up-chat.ts";

const model = useModel();

const SEEDED: Sampling = {
  ...GREEDY,
  temperature: 0.9,
  topK: 50,
  seed: 7,
  repetitionPenalty: 1.3,
  frequencyPenalty: 0.4,
  presencePenalty: 0.2,
};
const NUM_TOKENS = 9;
const MESSAGE = "And the sea? Tell me more than you know of it, please.";

/** A conversation with one turn behind it. */
async function createKeptChat(): Promise<Chat> {
  const chat = await createChat(await model());
  await say(chat, "Hello there!", { maxTokens: 5 });
  chat.conversation.keep();
  return chat;
}

async function finish(
  conversation: Conversation,
  options: SendOptions,
  progress: TurnProgress,
): Promise<TurnEnd & { readonly texts: string[] }> {
  const texts: string[] = [];
  const chunks = conversation.send(MESSAGE, options, progress);
  let next = await chunks.next();
  for (; !next.done; next = await chunks.next()) texts.push(next.value.text);
  return { ...next.value, texts };
}

/** Takes up to `numTexts` texts of an answer, and leaves it as a lost GPU does. */
async function begin(
  conversation: Conversation,
  options: SendOptions,
  progress: TurnProgress,
  numTexts: number,
): Promise<string[]> {
  const chunks = conversation.send(MESSAGE, options, progress);
  const texts: string[] = [];
  while (texts.length < numTexts) {
    const next = await chunks.next();
    if (next.done) break;
    texts.push(next.value.text);
  }
  await chunks.return(undefined as never);
  return texts;
}

async function moveToAnother({ conversation }: Chat, other: Model): Promise<Chat> {
  const sequence = await createSequence(other);
  await conversation.moveTo(sequence);
  return { conversation, sequence };
}

for (const [name, sampling] of [
  ["greedy", GREEDY],
  ["seeded, with penalties,", SEEDED],
] as const) {
  test(`a ${name} answer is finished on another GPU as if it had not been interrupted, wherever it was`, async () => {
    const options = { sampling, maxTokens: NUM_TOKENS };
    const whole = await createKeptChat();
    const expected = await finish(whole.conversation, options, createTurnProgress());
    const state = await readState(whole.sequence);
    const next = await say(whole, "Go on.", { maxTokens: 3 });
    expect(expected.texts.length).toBeGreaterThan(5);
    for (const numTexts of [0, 1, 4, expected.texts.length]) {
      const progress = createTurnProgress();
      const chat = await createKeptChat();
      const before = await begin(chat.conversation, options, progress, numTexts);
      const moved = await moveToAnother(chat, await model());
      const { texts, tokenIds, reason } = await finish(chat.conversation, options, progress);
      expect([...before, ...texts], `after ${numTexts}`).toEqual(expected.texts);
      expect(tokenIds).toEqual(expected.tokenIds);
      expect(reason).toBe("length");
      expect(chat.conversation.messages).toEqual(whole.conversation.messages.slice(0, 4));
      expect(await readState(moved.sequence)).toEqual(state);
      expect((await say(moved, "Go on.", { maxTokens: 3 })).text).toBe(next.text);
    }
  });
}

test("a conversation that was idle goes on on another GPU, twice", async () => {
  const whole = await createKeptChat();
  const { text } = await say(whole, MESSAGE, { maxTokens: 4 });
  let chat = await createKeptChat();
  chat = await moveToAnother(chat, await model());
  chat = await moveToAnother(chat, await model());
  expect((await say(chat, MESSAGE, { maxTokens: 4 })).text).toBe(text);
  // Nothing was kept since: that turn never was.
  chat = await moveToAnother(chat, await model());
  expect((await say(chat, MESSAGE, { maxTokens: 4 })).text).toBe(text);
});

test("an answer that was interrupted inside of a stop string ends at it, and one that is stopped meanwhile stays stopped", async () => {
  const whole = await createKeptChat();
  const { texts } = await finish(whole.conversation, { sampling: GREEDY, maxTokens: NUM_TOKENS }, createTurnProgress());
  const text = texts.join("");
  const stopString = text.slice(4, 9);
  const cut = text.slice(0, text.indexOf(stopString));
  for (const numTexts of [1, 9]) {
    const options = { sampling: GREEDY, maxTokens: NUM_TOKENS, stopStrings: [stopString] };
    const chat = await createKeptChat();
    const progress = createTurnProgress();
    const before = await begin(chat.conversation, options, progress, numTexts);
    await moveToAnother(chat, await model());
    const after = await finish(chat.conversation, options, progress);
    expect([...before, ...after.texts].join("")).toBe(cut);
    expect(after.reason).toBe("stop-string");
  }

  const chat = await createKeptChat();
  const progress = createTurnProgress();
  const stopping = { sampling: GREEDY, maxTokens: NUM_TOKENS, signal: AbortSignal.abort() };
  const before = await begin(chat.conversation, { ...stopping, signal: undefined }, progress, 4);
  const numKnown = progress.tokenIds.length;
  const moved = await moveToAnother(chat, await model());
  const { texts: after, tokenIds, reason } = await finish(chat.conversation, stopping, progress);
  expect({ after, reason, numTokens: tokenIds.length }).toEqual({ after: [], reason: "stopped", numTokens: numKnown });
  await chat.conversation.cutAnswer(3);
  const expected = await createKeptChat();
  await say(expected, MESSAGE, { maxTokens: 3 });
  await expected.conversation.cutAnswer(3);
  expect(await readState(moved.sequence)).toEqual(await readState(expected.sequence));
  expect(before.length).toBe(4);
});

test("what was shown stays where another GPU would have drawn otherwise, and the state is that of it", async () => {
  const options = { sampling: GREEDY, maxTokens: NUM_TOKENS };
  const progress = createTurnProgress();
  const chat = await createKeptChat();
  const before = await begin(chat.conversation, options, progress, 4);
  const known = [...progress.tokenIds];
  // It never draws the first of them.
  const other = await model({ draws: known[1]!, insteadOf: known[0]! });
  const moved = await moveToAnother(chat, other);
  const log = [...moved.sequence.log.tokenIds];
  const { texts, tokenIds } = await finish(chat.conversation, options, progress);
  expect(tokenIds.slice(0, known.length)).toEqual(known);
  expect(tokenIds).toHaveLength(NUM_TOKENS);
  expect([...moved.sequence.log.tokenIds, moved.sequence.pendingToken].slice(-NUM_TOKENS)).toEqual(tokenIds);
  expect(moved.sequence.log.tokenIds.length).toBeGreaterThan(log.length + NUM_TOKENS);
  expect([...before, ...texts].length).toBeGreaterThanOrEqual(before.length);
});

test("a log in which a block would leave one token is read again as it was read", async () => {
  const sequence = await createSequence(await model());
  const ids = Array.from({ length: 2 * BLOCK_SIZE + 1 }, (_, index) => 100 + 7 * index);
  await sequence.prefill(ids, { output: "last", ...DRAW });
  for (let step = 0; step < 3; step++) await sequence.decode(DRAW);
  expect([...sequence.log.blockLengths]).toEqual([16, 15, 2, 1, 1, 1]);
  const again = await createSequence(await model());
  await again.reread(sequence.log, sequence.pendingToken);
  expect(await readState(again)).toEqual(await readState(sequence));
});
