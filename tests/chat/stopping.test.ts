// An answer stopped at every one of its tokens, by the person and by a stop string, and what comes after it.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GREEDY, type Sampling } from "../../src/kernels/call.ts";
import { tokenizer } from "../text/fixtures.ts";
import { type Chat, createChat, END_ID, readState, type Said, say, useModel } from "./made-up-chat.ts";

const model = useModel();
const NUM_TOKENS = 24;
const MESSAGE = "Tell me a story.";
/** Penalties, so that a token counted too much or too little changes what follows. */
const SAMPLING: Sampling = {
  ...GREEDY,
  temperature: 1.1,
  repetitionPenalty: 1.3,
  frequencyPenalty: 0.4,
  presencePenalty: 0.3,
  logitBias: [{ tokenId: END_ID, bias: -100 }],
  seed: 5,
};
const OPTIONS = { sampling: SAMPLING, maxTokens: NUM_TOKENS };
/** So that the GPU is always ahead of what is told, by up to 11 tokens. */
const PACE = { depth: 3, steps: 4 };
/** Tokens drawn after each stop. */
const NUM_AFTER = 3;
/** Some 700 decode steps on a software adapter. */
const LONG = { timeout: 600_000 };

let chat: Chat;
/** Not interrupted, and with what comes after it. */
let whole: Said;
let after: readonly number[];
/** Characters of the text up to and with each token; equal where a token has no text or ends within a character. */
let borders: readonly number[];

beforeAll(async () => {
  chat = await createChat(await model());
  whole = await say(chat, MESSAGE, OPTIONS);
  after = await goOn(NUM_AFTER);
  const decoder = tokenizer.createDecoder();
  let length = 0;
  borders = whole.tokenIds.map((id) => (length += decoder.push(id).length));
});

beforeEach(async () => {
  chat = await createChat(await model(), {}, PACE);
});

async function goOn(numTokens: number): Promise<number[]> {
  const tokens: number[] = [];
  const draw = { sampling: SAMPLING, endTokenIds: [] };
  for await (const token of chat.sequence.generate(draw, numTokens)) tokens.push(token);
  return tokens;
}

/** The state is that of the first `numTokens` tokens: so is the log, and so is what is drawn next. */
async function expectToStandAt(numTokens: number, message: string): Promise<void> {
  const drawn = [...whole.tokenIds, ...after];
  const { log, pendingToken } = chat.sequence;
  expect(pendingToken, message).toBe(drawn[numTokens - 1]);
  expect([...log.tokenIds.slice(whole.timings.promptTokens), pendingToken], message).toEqual(drawn.slice(0, numTokens));
  expect(await goOn(NUM_AFTER), message).toEqual(drawn.slice(numTokens, numTokens + NUM_AFTER));
}

describe("an answer goes on as one that was not interrupted", () => {
  test("when it is stopped by the person at any of its tokens", LONG, async () => {
    const stops = new Set<number>();
    for (let wanted = 1; wanted <= NUM_TOKENS; wanted++) {
      const abort = new AbortController();
      const stopped = await say(chat, MESSAGE, { ...OPTIONS, signal: abort.signal }, (generatedTokens) => {
        if (generatedTokens >= wanted) abort.abort();
      });
      await chat.conversation.cutAnswer(stopped.shownTokens);
      expect(chat.conversation.messages.at(-1)).toEqual({ role: "assistant", content: stopped.text });
      await expectToStandAt(stopped.shownTokens, `stopped at ${wanted}`);
      stops.add(stopped.shownTokens);
      chat.conversation.clear("");
    }
    // A token whose text comes with the next one is no place to stop.
    expect([...stops]).toEqual(
      borders.flatMap((border, index) => (border > (borders[index - 1] ?? 0) ? [index + 1] : [])),
    );
    expect(stops.size).toBeGreaterThan(NUM_TOKENS - 8);
  });

  test("when a stop string ends it at any of its tokens", LONG, async () => {
    const cuts = { whole: 0, within: 0 };
    for (let at = 1; at < NUM_TOKENS; at++) {
      // From this token's border, or from within the token before, over several tokens.
      const start = borders[at - 1]! - (at % 3);
      const stopString = whole.text.slice(start, start + 4 + (at % 7));
      const expected = whole.text.slice(0, whole.text.indexOf(stopString));
      const numTokens = borders.findLastIndex((border) => border <= expected.length) + 1;
      const kept = borders.indexOf(borders[numTokens - 1] ?? 0) + 1;
      const message = `${JSON.stringify(stopString)} at ${at}`;
      const stopped = await say(chat, MESSAGE, { ...OPTIONS, stopStrings: [`${stopString}?`, stopString] });
      expect(stopped, message).toMatchObject({ reason: "stop-string", text: expected, shownTokens: kept });
      expect(stopped.tokenIds, message).toEqual(whole.tokenIds.slice(0, kept));
      expect(stopped.timings.generatedTokens).toBe(kept);
      expect(chat.conversation.messages.at(-1)).toEqual({ role: "assistant", content: expected });
      if (kept > 0) await expectToStandAt(kept, message);
      cuts[expected.length === (borders[kept - 1] ?? 0) ? "whole" : "within"] += 1;
      chat.conversation.clear("");
    }
    expect(cuts.whole).toBeGreaterThan(5);
    expect(cuts.within).toBeGreaterThan(5);
  });
});

test("a stop string at an answer's very beginning leaves the prompt read and no token drawn", async () => {
  const stopped = await say(chat, MESSAGE, { ...OPTIONS, stopStrings: [whole.text.slice(0, borders[1])] });
  expect(stopped).toMatchObject({ reason: "stop-string", text: "", tokenIds: [], shownTokens: 0 });
  expect(chat.sequence.position).toBe(whole.timings.promptTokens);
  expect(chat.sequence.pendingToken).toBeUndefined();
  expect(chat.conversation.messages).toEqual([
    { role: "user", content: MESSAGE },
    { role: "assistant", content: "" },
  ]);
  // No draw is left behind that a penalty would count.
  const next = await say(chat, "Go on.", OPTIONS);
  const { log } = chat.sequence;
  chat.conversation.clear("");
  const ids = log.tokenIds.slice(0, whole.timings.promptTokens + next.timings.promptTokens);
  await chat.sequence.prefill(ids.slice(0, whole.timings.promptTokens), { output: "none" });
  const draw = { sampling: SAMPLING, endTokenIds: [] };
  const first = await chat.sequence.prefill(ids.slice(whole.timings.promptTokens), { output: "last", ...draw });
  expect([first, ...(await goOn(NUM_TOKENS - 1))]).toEqual(next.tokenIds);

  // Stopped by the person after all, the turn never happened.
  chat.conversation.clear("");
  const before = await readState(chat.sequence);
  await say(chat, MESSAGE, { ...OPTIONS, stopStrings: [whole.text.slice(0, borders[1])] });
  await chat.conversation.cutAnswer(0);
  expect(chat.conversation.messages).toEqual([]);
  expect(await readState(chat.sequence)).toEqual(before);
});

test("a stop string that does not come changes nothing, and what it held back is shown", async () => {
  const stopStrings = [`${whole.text}!`, `${whole.text.slice(-3)}.`, "never in the answer"];
  const answer = await say(chat, MESSAGE, { ...OPTIONS, stopStrings });
  expect(answer).toMatchObject({ reason: "length", text: whole.text, tokenIds: whole.tokenIds });
  expect(answer.shownTokens).toBe(NUM_TOKENS);
});

test("the person's stop while text is held back leaves what was shown", async () => {
  // Everything from the eleventh token on may be the beginning of the stop string.
  const stopStrings = [`${whole.text.slice(borders[9])}!`];
  const abort = new AbortController();
  const shown: number[] = [];
  const stopped = await say(chat, MESSAGE, { ...OPTIONS, stopStrings, signal: abort.signal }, (generatedTokens) => {
    shown.push(generatedTokens);
    if (generatedTokens >= 8) abort.abort();
  });
  expect(stopped.reason).toBe("stopped");
  await chat.conversation.cutAnswer(stopped.shownTokens);
  expect(chat.conversation.messages.at(-1)!.content).toBe(stopped.text);
  await expectToStandAt(stopped.shownTokens, "stopped");
});

test("options that cannot be are refused before the message is read, and the answer before may still be cut", async () => {
  await say(chat, MESSAGE, { ...OPTIONS, maxTokens: 6 });
  const before = await readState(chat.sequence);
  const { messages } = chat.conversation;
  await expect(say(chat, "And?", { ...OPTIONS, stopStrings: [""] })).rejects.toThrow("stopStrings: expected texts");
  const logitBias = [{ tokenId: 8192, bias: 1 }];
  const refused = say(chat, "And?", { ...OPTIONS, sampling: { ...SAMPLING, logitBias } });
  await expect(refused).rejects.toThrow("logitBias: expected token ids from 0 to 8191, got 8192");
  expect(await readState(chat.sequence)).toEqual(before);
  expect(chat.conversation.messages).toEqual(messages);
  await chat.conversation.cutAnswer(4);
  expect(chat.sequence.pendingToken).toBe(whole.tokenIds[3]);
});
