import { expect, test } from "vitest";
import { GREEDY } from "../../src/kernels/call.ts";
import { relativeError } from "../gpu/harness.ts";
import { tokenizer, tokenizerJson } from "../text/fixtures.ts";
import { createChat, createSequence, DRAW, END_ID, readState, say, useModel } from "./made-up-chat.ts";

const OPENING = "<beginning_of_sentence>user name=user\n";
const ANSWER = "<end_of_sentence>\n<beginning_of_sentence>ai name=assistant\n";
const NEXT = `<end_of_sentence>\n${OPENING}`;
const CONTROL_ID = 5;
const STORY = "Tell me a story.";
const STORY_PROMPT = tokenizer.encode(`${OPENING}${STORY}${ANSWER}`);

/** Some 900 decode steps on a software adapter. */
const LONG = { timeout: 400_000 };

const model = useModel();

test("several turns hold the one-shot encoding of their texts around the very tokens that were drawn", async () => {
  const { tokenIds: usual } = await say(await createChat(await model()), "Hello there!", { maxTokens: 4 });
  // A drawn control token is not in the text: an answer that was encoded again would lose it.
  const swapped = await model({ draws: CONTROL_ID, insteadOf: usual[3]! });
  const chat = await createChat(swapped);
  const messages = ["Hello there!", "And the sea?", "Why, though? Tell me more."];
  const expected: number[] = [];
  for (const [turn, message] of messages.entries()) {
    const { text, tokenIds, timings } = await say(chat, message, { maxTokens: 9 });
    expect(tokenIds).toHaveLength(9);
    const read = tokenizer.encode(`${turn === 0 ? OPENING : NEXT}${message}${ANSWER}`);
    expect(timings.promptTokens).toBe(turn === 0 ? read.length : read.length + 1);
    expected.push(...read, ...tokenIds);
    expect([...chat.sequence.log.tokenIds, chat.sequence.pendingToken]).toEqual(expected);
    expect(chat.conversation.usedTokens).toBe(expected.length);
    expect(chat.conversation.messages.at(-1)).toEqual({ role: "assistant", content: text });
  }
  expect(expected).toContain(CONTROL_ID);

  const fresh = await createSequence(swapped);
  await fresh.prefill(expected.slice(0, -1), { output: "last", ...DRAW });
  const [continued, reread] = [
    await chat.sequence.replayTaps(expected.slice(-1)),
    await fresh.replayTaps(expected.slice(-1)),
  ];
  expect(relativeError(continued.get("logits")!.values, reread.get("logits")!.values)).toBeLessThan(1e-5);
});

test("typed control tokens stay plain text, all of them", async () => {
  const chat = await createChat(await model(), { contextLength: 4096 });
  const controlIds = () => [...chat.sequence.log.tokenIds].filter((id) => tokenizer.isControlToken(id));
  await say(chat, "Hi", { maxTokens: 1 });
  const usual = controlIds();
  expect(usual.length).toBeGreaterThan(2);
  const contents = tokenizerJson.added_tokens.map((token) => token.content);
  expect(contents).toHaveLength(16);
  const typed = contents.join("\n") + contents.join("");
  chat.conversation.clear(typed);
  await say(chat, typed, { maxTokens: 1 });
  const inSystem = controlIds();
  expect(inSystem).toHaveLength(usual.length + 2);
  expect(tokenizer.decode([...chat.sequence.log.tokenIds], { skipSpecial: true })).toContain(`\n${typed}\nuser`);
  await say(chat, typed, { maxTokens: 1 });
  expect(controlIds()).toHaveLength(inSystem.length + 4);
});

test("an answer cut back to any of its tokens leaves the state that drawing exactly those leaves", LONG, async () => {
  const numTokens = 40;
  const chat = await createChat(await model());
  const { tokenIds } = await say(chat, STORY, { maxTokens: numTokens + 1 });
  const states = [];
  const expected = await createSequence(await model());
  await expected.prefill(STORY_PROMPT, { output: "last", ...DRAW });
  for (let shown = 1; shown <= numTokens; shown++) {
    states.push(await readState(expected));
    await expected.decode(DRAW);
  }
  for (let shown = numTokens; shown > 0; shown--) {
    await chat.conversation.cutAnswer(shown);
    expect([...chat.sequence.log.tokenIds, chat.sequence.pendingToken]).toEqual([
      ...STORY_PROMPT,
      ...tokenIds.slice(0, shown),
    ]);
    expect(await readState(chat.sequence), `cut to ${shown}`).toEqual(states[shown - 1]);
    const content = tokenizer.decode(tokenIds.slice(0, shown), { skipSpecial: true });
    expect(chat.conversation.messages.at(-1)).toEqual({ role: "assistant", content });
  }
});

test("a stopped answer goes on with the next turn as one that was never longer", async () => {
  const followUp = tokenizer.encode(`${NEXT}Go on.${ANSWER}`);
  const chat = await createChat(await model());
  const expected = await createSequence(await model());
  for (const wanted of [1, 16, 17, 33]) {
    const abort = new AbortController();
    const stopped = await say(chat, STORY, { maxTokens: 99, signal: abort.signal }, (generated) => {
      if (generated >= wanted) abort.abort();
    });
    expect(stopped.reason).toBe("stopped");
    expect(stopped.tokenIds).toHaveLength(stopped.shownTokens + 1);
    await chat.conversation.cutAnswer(stopped.shownTokens);
    expect(chat.conversation.messages.at(-1)!.content).toBe(stopped.text);

    let last = await expected.prefill(STORY_PROMPT, { output: "last", ...DRAW });
    for (let drawn = 1; drawn < stopped.shownTokens; drawn++) last = await expected.decode(DRAW);
    const next = await say(chat, "Go on.", { maxTokens: 3 });
    const first = await expected.prefill([last!, ...followUp], { output: "last", ...DRAW });
    expect(next.tokenIds).toEqual([first, await expected.decode(DRAW), await expected.decode(DRAW)]);
    expect(await readState(chat.sequence), `stopped after ${wanted}`).toEqual(await readState(expected));
    chat.conversation.clear("");
    expected.clear();
  }
});

test("a turn stopped before its first token never happened, wherever in the prompt it was", async () => {
  const long = "Read this slowly. ".repeat(30);
  for (const turnsBefore of [0, 1]) {
    for (const blocksRead of [0, 1, 3]) {
      const chat = await createChat(await model());
      chat.conversation.clear("Be kind.");
      if (turnsBefore > 0) await say(chat, "Hello!", {});
      const before = await readState(chat.sequence);
      const { messages, usedTokens } = chat.conversation;
      const abort = new AbortController();
      const onReading = (readTokens: number, totalTokens: number) => {
        expect(totalTokens).toBeGreaterThan(100);
        if (readTokens >= 16 * blocksRead) abort.abort();
      };
      if (blocksRead === 0) abort.abort();
      const stopped = await say(chat, long, { signal: abort.signal, onReading });
      expect(stopped).toMatchObject({ reason: "stopped", text: "", tokenIds: [] });
      expect(await readState(chat.sequence)).toEqual(before);
      expect(chat.conversation).toMatchObject({ messages, usedTokens });
      await chat.conversation.cutAnswer(0);
      expect(await readState(chat.sequence)).toEqual(before);

      const other = await createChat(await model());
      other.conversation.clear("Be kind.");
      if (turnsBefore > 0) await say(other, "Hello!", {});
      expect((await say(chat, "Go on.", {})).tokenIds).toEqual((await say(other, "Go on.", {})).tokenIds);
    }
  }
});

test("an answer cut to nothing takes its whole turn back", async () => {
  const chat = await createChat(await model());
  await say(chat, "Hello!", {});
  const before = await readState(chat.sequence);
  const { messages } = chat.conversation;
  await say(chat, "And now?", {});
  await chat.conversation.cutAnswer(0);
  expect(await readState(chat.sequence)).toEqual(before);
  expect(chat.conversation.messages).toEqual(messages);
  await chat.conversation.cutAnswer(0);
  expect(chat.conversation.messages).toEqual(messages);
});

test("an answer ends at maxTokens, and is whole", async () => {
  const chat = await createChat(await model());
  const long = await say(chat, "Hello!", { maxTokens: 7 });
  chat.conversation.clear("");
  for (const maxTokens of [1, 2, 6]) {
    const { reason, tokenIds, timings } = await say(chat, "Hello!", { maxTokens });
    expect({ reason, tokenIds }).toEqual({ reason: "length", tokenIds: long.tokenIds.slice(0, maxTokens) });
    expect(timings.generatedTokens).toBe(maxTokens);
    chat.conversation.clear("");
  }
});

test("a full context ends an answer, and a message that does not fit leaves the conversation as it is", async () => {
  const contextLength = 60;
  const chat = await createChat(await model(), { contextLength });
  const full = await say(chat, "Hello!", { maxTokens: 999 });
  expect(full.reason).toBe("context");
  expect(full.tokenIds).toHaveLength(contextLength - full.timings.promptTokens);
  expect(chat.conversation.usedTokens).toBe(contextLength);
  const before = await readState(chat.sequence);
  const { messages } = chat.conversation;
  const refused = await say(chat, "And?", {});
  expect(refused).toMatchObject({ reason: "context", text: "", tokenIds: [] });
  // The answer before may not be cut for the message that was refused.
  await chat.conversation.cutAnswer(0);
  expect(await readState(chat.sequence)).toEqual(before);
  expect(chat.conversation.messages).toEqual(messages);

  chat.conversation.clear("");
  const numWords = contextLength - full.timings.promptTokens;
  expect(await say(chat, "Hello!" + "!".repeat(4 * numWords), {})).toMatchObject({ reason: "context", tokenIds: [] });
  expect(chat.sequence.position).toBe(0);
});

test("an end token ends the answer, is not shown, and is read once with the next turn", async () => {
  const drawn = (await say(await createChat(await model()), "Hello!", { maxTokens: 6 })).tokenIds;
  const chat = await createChat(await model({ draws: END_ID, insteadOf: drawn[5]! }));
  const answer = await say(chat, "Hello!", { maxTokens: 20 });
  expect(answer).toMatchObject({ reason: "eos", tokenIds: [...drawn.slice(0, 5), END_ID] });
  expect(answer.text).toBe(tokenizer.decode(drawn.slice(0, 5), { skipSpecial: false }));
  const [prompt, tail] = [`${OPENING}Hello!${ANSWER}`, `\n${OPENING}Go on.${ANSWER}`];
  const read = () => [...tokenizer.encode(prompt), ...answer.tokenIds, ...tokenizer.encode(tail)];
  await say(chat, "Go on.", { maxTokens: 1 });
  expect([...chat.sequence.log.tokenIds]).toEqual(read());

  // Cut before its end token, the answer is closed by the template's.
  chat.conversation.clear("");
  await say(chat, "Hello!", { maxTokens: 20 });
  await chat.conversation.cutAnswer(5);
  await say(chat, "Go on.", { maxTokens: 1 });
  expect([...chat.sequence.log.tokenIds]).toEqual(read());

  // A turn after it that never happened leaves the end token in its place.
  chat.conversation.clear("");
  await say(chat, "Hello!", { maxTokens: 20 });
  await say(chat, "What?", { maxTokens: 2 });
  await chat.conversation.cutAnswer(0);
  await say(chat, "Go on.", { maxTokens: 1 });
  expect([...chat.sequence.log.tokenIds]).toEqual(read());
});

test("a stop wins over whatever else ends the answer at the same token", async () => {
  const drawn = (await say(await createChat(await model()), "Hello!", { maxTokens: 3 })).tokenIds;
  const ending = await createChat(await model({ draws: END_ID, insteadOf: drawn[2]! }));
  const short = await createChat(await model());
  const narrow = await createChat(await model(), {
    contextLength: tokenizer.encode(`${OPENING}Hello!${ANSWER}`).length + 3,
  });
  for (const [chat, maxTokens] of [
    [ending, 9],
    [short, 3],
    [narrow, 9],
  ] as const) {
    const abort = new AbortController();
    const stopped = await say(chat, "Hello!", { maxTokens, signal: abort.signal }, (generated) => {
      if (generated === 2) abort.abort();
    });
    expect(stopped).toMatchObject({ reason: "stopped", shownTokens: 2 });
    expect(stopped.tokenIds).toHaveLength(3);
    await chat.conversation.cutAnswer(2);
    expect(chat.conversation.messages.at(-1)!.content).toBe(stopped.text);
    expect(chat.sequence.pendingToken).toBe(drawn[1]);
  }
});

test("a seed draws the same answer twice, and another seed another", async () => {
  const chat = await createChat(await model());
  const texts: string[] = [];
  for (const seed of [7, 7, 8]) {
    chat.conversation.clear("");
    const sampling = { ...GREEDY, temperature: 1, seed };
    texts.push((await say(chat, "Hello!", { sampling })).text + (await say(chat, "And?", { sampling })).text);
  }
  expect(texts[1]).toBe(texts[0]);
  expect(texts[2]).not.toBe(texts[0]);
});

test("clear forgets everything but the system prompt it is given", async () => {
  const chat = await createChat(await model());
  const first = await say(chat, "Hello!", {});
  chat.conversation.clear("Be kind.");
  expect(chat.conversation.messages).toEqual([{ role: "system", content: "Be kind." }]);
  expect(chat.conversation.usedTokens).toBe(0);
  const second = await say(chat, "Hello!", { maxTokens: 1 });
  const system = "<beginning_of_sentence>system ai_setting=assistant\nBe kind.<end_of_sentence>\n";
  expect([...chat.sequence.log.tokenIds]).toEqual(tokenizer.encode(`${system}${OPENING}Hello!${ANSWER}`));
  expect(second.reason).toBe("length");
  chat.conversation.clear("");
  expect(chat.conversation.messages).toEqual([]);
  expect((await say(chat, "Hello!", {})).tokenIds).toEqual(first.tokenIds);
});

test("two snapshots are kept at most, and none after clear, destroy or a refused message", async () => {
  const chat = await createChat(await model(), { contextLength: 120 });
  const { session } = await model();
  const snapshots = () => {
    // Decode keeps checkpoints of its own.
    const labels = session.ledger
      .entries()
      .flatMap(({ kind, label }) => (kind === "snapshots" && !label.endsWith("checkpoint") ? [label] : []));
    return { names: [...new Set(labels)], numBuffers: labels.length };
  };
  const kept = { names: ["before the turn", "start of the answer"] };
  // Two lightning states and the token counts, before the turn and after its prompt.
  const numBuffers = 3 + 3;
  await say(chat, "Hello!", {});
  expect(snapshots()).toEqual({ ...kept, numBuffers });
  await say(chat, "And?", {});
  expect(snapshots()).toEqual({ ...kept, numBuffers });
  await chat.conversation.cutAnswer(3);
  expect(snapshots()).toEqual({ ...kept, numBuffers });
  await chat.conversation.cutAnswer(0);
  expect(snapshots().numBuffers).toBe(0);
  await say(chat, "And?", { signal: AbortSignal.abort() });
  expect(snapshots().numBuffers).toBe(0);
  await say(chat, "And?", {});
  expect(await say(chat, "And? ".repeat(100), {})).toMatchObject({ reason: "context", tokenIds: [] });
  expect(snapshots().numBuffers).toBe(0);
  await say(chat, "And?", {});
  chat.conversation.clear("");
  expect(snapshots().numBuffers).toBe(0);
  await say(chat, "And?", {});
  chat.conversation.destroy();
  expect(snapshots().numBuffers).toBe(0);
});
