import { describe, expect, test } from "vitest";
import { createReadyPage, say, TIMINGS } from "./test-page.ts";

const text = (turn: number, piece: string, generatedTokens: number) =>
  ({ kind: "text", turn, text: piece, generatedTokens, elapsedMs: generatedTokens * 10 }) as const;

describe("sending", () => {
  test("sends the trimmed draft with its sampling and empties it", () => {
    const ready = createReadyPage();
    say(ready, "  Hello!\n");
    expect(ready.engine().requests).toEqual([
      {
        kind: "send",
        turn: 1,
        text: "Hello!",
        sampling: { temperature: 0.8, topK: 20, topP: 0.9, minP: 0.05, seed: 71 },
        maxTokens: 512,
      },
    ]);
    expect(ready.page.conversation.draft.value).toBe("");
  });

  test("sends nothing that is blank, and nothing while an answer is written", () => {
    const ready = createReadyPage();
    ready.page.conversation.draft.value = " \n ";
    expect(ready.page.canSend.value).toBe(false);
    ready.page.send();
    expect(ready.engine().requests).toEqual([]);
    say(ready, "one");
    ready.page.conversation.draft.value = "two";
    expect(ready.page.canSend.value).toBe(false);
    ready.page.send();
    expect(ready.engine().requests).toHaveLength(1);
    expect(ready.page.conversation.draft.value).toBe("two");
  });
});

test("nothing is sent into a conversation that is full", () => {
  const ready = createReadyPage();
  ready
    .engine()
    .emit({ kind: "turnEnded", turn: say(ready, "one"), reason: "context", timings: TIMINGS, usedTokens: 1000 });
  ready.page.conversation.draft.value = "two";
  expect(ready.page.canSend.value).toBe(false);
  ready.page.send();
  expect(ready.engine().requests).toHaveLength(1);
});

describe("an answer", () => {
  test("goes from reading to text to its end, and counts the tokens in use", () => {
    const ready = createReadyPage();
    const { conversation } = ready.page;
    const { emit } = ready.engine();
    const turn = say(ready, "Hi");
    expect(conversation.activity.value).toBe("reading");
    emit({ kind: "reading", turn, readTokens: 6, totalTokens: 10 });
    expect(conversation.usedTokens.value).toBe(6);
    emit({ kind: "reading", turn, readTokens: 10, totalTokens: 10 });
    emit(text(turn, "Hel", 1));
    emit(text(turn, "lo", 2));
    expect(conversation.turns.value[0]!.answer.value).toBe("Hello");
    expect(conversation.activity.value).toBe("answering");
    expect(conversation.usedTokens.value).toBe(12);
    emit({ kind: "turnEnded", turn, reason: "eos", timings: TIMINGS, usedTokens: 14 });
    expect(conversation.activity.value).toBe("idle");
    expect(conversation.usedTokens.value).toBe(14);
    expect(ready.page.tokensPerSecond.value).toBe(100);
  });

  test("streams into its own signal: the list of turns stays the same", () => {
    const ready = createReadyPage();
    const turn = say(ready, "Hi");
    const before = ready.page.conversation.turns.value;
    ready.engine().emit(text(turn, "Hello", 1));
    expect(ready.page.conversation.turns.value).toBe(before);
  });

  test("counts its tokens on top of earlier turns", () => {
    const ready = createReadyPage();
    const { emit } = ready.engine();
    emit({ kind: "turnEnded", turn: say(ready, "one"), reason: "eos", timings: TIMINGS, usedTokens: 40 });
    const turn = say(ready, "two");
    expect(ready.page.conversation.usedTokens.value).toBe(40);
    emit({ kind: "reading", turn, readTokens: 7, totalTokens: 7 });
    emit(text(turn, "x", 3));
    expect(ready.page.conversation.usedTokens.value).toBe(50);
  });
});

describe("Stop", () => {
  test("tells the worker how many tokens were shown, and shows nothing after it", () => {
    const ready = createReadyPage();
    const { conversation } = ready.page;
    const { emit, requests } = ready.engine();
    const turn = say(ready, "Hi");
    emit(text(turn, "One two", 2));
    conversation.stop();
    expect(requests.at(-1)).toEqual({ kind: "stop", turn, shownTokens: 2 });
    emit(text(turn, " three", 3));
    expect(conversation.turns.value[0]!.answer.value).toBe("One two");
    emit({ kind: "turnEnded", turn, reason: "stopped", timings: TIMINGS, usedTokens: 12 });
    expect(conversation.turns.value[0]!.answer.value).toBe("One two");
    expect(conversation.activity.value).toBe("idle");
  });

  test("shows the rest of an answer that had already ended in the worker, whose state holds it", () => {
    const ready = createReadyPage();
    const { conversation } = ready.page;
    const { emit } = ready.engine();
    const turn = say(ready, "Hi");
    emit(text(turn, "One", 1));
    conversation.stop();
    emit(text(turn, " two.", 2));
    emit({ kind: "turnEnded", turn, reason: "eos", timings: TIMINGS, usedTokens: 12 });
    expect(conversation.turns.value[0]!.answer.value).toBe("One two.");
  });

  test("while the message is read says that no token was shown, and is sent once", () => {
    const ready = createReadyPage();
    const turn = say(ready, "Hi");
    ready.page.conversation.stop();
    ready.page.conversation.stop();
    expect(ready.engine().requests.slice(1)).toEqual([{ kind: "stop", turn, shownTokens: 0 }]);
  });

  test("before any text takes the message back: the model has not read it", () => {
    const ready = createReadyPage();
    const { conversation } = ready.page;
    const turn = say(ready, "Hi");
    conversation.stop();
    const timings = { ...TIMINGS, generatedTokens: 0, generateMs: 0 };
    ready.engine().emit({ kind: "turnEnded", turn, reason: "stopped", timings, usedTokens: 0 });
    expect(conversation.turns.value).toEqual([]);
    expect(conversation.draft.value).toBe("Hi");
  });

  test("before any text loses neither that message nor what was typed since", () => {
    const ready = createReadyPage();
    const turn = say(ready, "Hi");
    ready.page.conversation.draft.value = "And then?";
    ready.page.conversation.stop();
    const timings = { ...TIMINGS, generatedTokens: 0, generateMs: 0 };
    ready.engine().emit({ kind: "turnEnded", turn, reason: "stopped", timings, usedTokens: 0 });
    expect(ready.page.conversation.draft.value).toBe("Hi\n\nAnd then?");
  });

  test("does nothing when nothing is answered", () => {
    const ready = createReadyPage();
    ready.page.conversation.stop();
    expect(ready.engine().requests).toEqual([]);
  });
});

describe("New chat", () => {
  test("stops the answer, forgets the turns and keeps the draft, and takes a message at once", () => {
    const ready = createReadyPage();
    const { conversation } = ready.page;
    const { emit, requests } = ready.engine();
    const turn = say(ready, "Hi");
    emit(text(turn, "One", 1));
    conversation.draft.value = "next";
    conversation.newChat();
    expect(requests.slice(1)).toEqual([
      { kind: "stop", turn, shownTokens: 1 },
      { kind: "newChat", systemPrompt: "" },
    ]);
    expect(conversation.turns.value).toEqual([]);
    expect(conversation.draft.value).toBe("next");
    const nextTurn = say(ready, "again");
    expect(nextTurn).not.toBe(turn);
    emit(text(turn, " late", 2));
    emit({ kind: "turnEnded", turn, reason: "stopped", timings: TIMINGS, usedTokens: 99 });
    expect(conversation.turns.value.map(({ userText }) => userText)).toEqual(["again"]);
    expect(conversation.usedTokens.value).toBe(0);
    emit({ kind: "chatCleared", usedTokens: 3 });
    expect(conversation.usedTokens.value).toBe(3);
    emit(text(nextTurn, "Two", 1));
    expect(conversation.turns.value[0]?.answer.value).toBe("Two");
  });
});

describe("a message that does not fit", () => {
  test("goes back into the text field", () => {
    const ready = createReadyPage();
    const turn = say(ready, "a long text");
    const timings = { promptTokens: 0, promptMs: 0, timeToFirstTokenMs: 0, generatedTokens: 0, generateMs: 0 };
    ready.engine().emit({ kind: "turnEnded", turn, reason: "context", timings, usedTokens: 990 });
    expect(ready.page.conversation.draft.value).toBe("a long text");
  });

  test("does not overwrite what was typed meanwhile", () => {
    const ready = createReadyPage();
    const turn = say(ready, "a long text");
    ready.page.conversation.draft.value = "something newer";
    const timings = { promptTokens: 0, promptMs: 0, timeToFirstTokenMs: 0, generatedTokens: 0, generateMs: 0 };
    ready.engine().emit({ kind: "turnEnded", turn, reason: "context", timings, usedTokens: 990 });
    expect(ready.page.conversation.draft.value).toBe("something newer");
  });

  test("is not what an answer cut by the context is", () => {
    const ready = createReadyPage();
    const turn = say(ready, "short");
    ready.engine().emit({ kind: "turnEnded", turn, reason: "context", timings: TIMINGS, usedTokens: 1000 });
    expect(ready.page.conversation.draft.value).toBe("");
  });
});

describe("a failed turn", () => {
  test("keeps what was shown, and loading again puts the message back into the text field", () => {
    const ready = createReadyPage();
    const { page } = ready;
    const turn = say(ready, "Hi");
    ready.engine().emit(text(turn, "One", 1));
    ready.engine().emit({
      kind: "turnFailed",
      turn,
      failure: { kind: "device-lost", message: "device: expected it to stay, got lost" },
    });
    expect(page.lifeCycle.current.value).toMatchObject({ state: "failed", failure: { kind: "device-lost" } });
    expect(page.conversation.turns.value[0]!.answer.value).toBe("One");
    expect(page.canSend.value).toBe(false);
    page.start();
    expect(page.conversation.turns.value).toEqual([]);
    expect(page.conversation.draft.value).toBe("Hi");
    expect(ready.engines).toHaveLength(2);
  });

  test("does not bring back a message that was answered", () => {
    const ready = createReadyPage();
    const turn = say(ready, "Hi");
    ready.engine().emit({ kind: "turnEnded", turn, reason: "eos", timings: TIMINGS, usedTokens: 14 });
    ready.engine().crash({ kind: "internal", message: "engine worker: expected no error, got x" });
    ready.page.start();
    expect(ready.page.conversation.draft.value).toBe("");
  });
});
