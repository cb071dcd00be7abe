// The turns of one conversation and the text that is typed for the next. Knows the worker's protocol, not the page.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { WorkerRequest } from "../../worker/messages.ts";
import type { StopReason, TurnTimings } from "../../worker/messages-chat.ts";
import type { Failure } from "../../worker/messages-engine.ts";
import type { SamplingSettings } from "../../worker/messages-model.ts";

export type TurnStatus =
  /** Before the first text; `totalTokens` is 0 until the worker has counted. */
  | { readonly state: "reading"; readonly readTokens: number; readonly totalTokens: number; readonly sentMs: number }
  | { readonly state: "answering"; readonly generatedTokens: number; readonly elapsedMs: number }
  /** Stop was asked for; `unshown` is what came after that. */
  | { readonly state: "stopping"; readonly unshown: string }
  | { readonly state: "ended"; readonly reason: StopReason; readonly timings: TurnTimings }
  | { readonly state: "failed"; readonly failure: Failure };

export interface Turn {
  readonly turn: number;
  readonly userText: string;
  readonly sampling: SamplingSettings;
  /** Grows while the answer streams; a text node is bound to it. */
  readonly answer: Signal<string>;
  readonly status: Signal<TurnStatus>;
}

/** idle: a message can be sent, also right after New chat: the worker forgets the old conversation before it reads on. */
export type Activity = "idle" | "reading" | "answering" | "stopping";

export interface ConversationState {
  readonly turns: ReadonlySignal<readonly Turn[]>;
  readonly draft: Signal<string>;
  readonly activity: ReadonlySignal<Activity>;
  /** Tokens in the conversation, those being read and generated included. */
  readonly usedTokens: ReadonlySignal<number>;
  /** Sends the draft, when no turn runs and there is one. */
  sendDraft(draw: { readonly sampling: SamplingSettings; readonly maxTokens: number }): void;
  stop(): void;
  /** Forgets all turns; the draft stays. */
  newChat(): void;
  /** Forgets all turns without asking the worker, which is a new one; a message without an answer becomes the draft again. */
  abandon(): void;

  clear(usedTokens: number): void;
  read(turn: number, readTokens: number, totalTokens: number): void;
  append(turn: number, text: string, generatedTokens: number, elapsedMs: number): void;
  end(turn: number, reason: StopReason, timings: TurnTimings, usedTokens: number): void;
  fail(turn: number, failure: Failure): void;
}

function isRunning(status: TurnStatus): boolean {
  return status.state !== "ended" && status.state !== "failed";
}

/** The message went unread because the conversation is full. */
export function wasRefused(status: TurnStatus): boolean {
  return status.state === "ended" && status.reason === "context" && status.timings.generatedTokens === 0;
}

export function createConversation(send: (request: WorkerRequest) => void, now: () => number): ConversationState {
  const turns = signal<readonly Turn[]>([]);
  const draft = signal("");
  /** As the worker counted them when the last turn ended. */
  const settledTokens = signal(0);
  /** Of the turn that runs. */
  const readTokens = signal(0);
  const generatedTokens = signal(0);
  let nextTurn = 1;

  const lastTurn = computed(() => turns.value.at(-1) ?? null);
  const activity = computed((): Activity => {
    const status = lastTurn.value?.status.value;
    if (status?.state === "reading" || status?.state === "answering" || status?.state === "stopping")
      return status.state;
    return "idle";
  });

  const settle = (used: number): void => {
    settledTokens.value = used;
    readTokens.value = generatedTokens.value = 0;
  };

  /** The turn if it still runs; events of turns that were cleared away name none. */
  const findRunning = (number: number): Turn | undefined =>
    turns.value.find(({ turn, status }) => turn === number && isRunning(status.value));

  /** Puts a message back before what was typed since. */
  const takeBack = (text: string): void => {
    draft.value = draft.value.trim() === "" ? text : `${text}\n\n${draft.value}`;
  };

  /** Takes back a message that was stopped before its answer: the model has not read it. */
  const withdraw = (turn: Turn): void => {
    takeBack(turn.userText);
    turns.value = turns.value.filter((kept) => kept !== turn);
  };

  const stop = (): void => {
    const turn = lastTurn.value;
    const status = turn?.status.value;
    if (!turn || (status?.state !== "reading" && status?.state !== "answering")) return;
    const shownTokens = status.state === "answering" ? status.generatedTokens : 0;
    turn.status.value = { state: "stopping", unshown: "" };
    send({ kind: "stop", turn: turn.turn, shownTokens });
  };

  return {
    turns,
    draft,
    activity,
    usedTokens: computed(() => settledTokens.value + readTokens.value + generatedTokens.value),
    sendDraft: ({ sampling, maxTokens }) => {
      const text = draft.value.trim();
      if (activity.value !== "idle" || text === "") return;
      const turn = nextTurn++;
      const status = signal<TurnStatus>({ state: "reading", readTokens: 0, totalTokens: 0, sentMs: now() });
      batch(() => {
        turns.value = [...turns.value, { turn, userText: text, sampling, answer: signal(""), status }];
        draft.value = "";
      });
      send({ kind: "send", turn, text, sampling, maxTokens });
    },
    stop,
    newChat: () => {
      stop();
      batch(() => {
        turns.value = [];
        settle(0);
      });
      send({ kind: "newChat", systemPrompt: "" });
    },
    abandon: () => {
      batch(() => {
        const last = lastTurn.value;
        if (last && last.status.value.state !== "ended") takeBack(last.userText);
        turns.value = [];
        settle(0);
      });
    },

    clear: settle,
    read: (number, read, totalTokens) => {
      const turn = findRunning(number);
      const status = turn?.status.value;
      if (!turn || status?.state !== "reading") return;
      batch(() => {
        readTokens.value = read;
        turn.status.value = { ...status, readTokens: read, totalTokens };
      });
    },
    append: (number, text, generated, elapsedMs) => {
      const turn = findRunning(number);
      if (!turn) return;
      const status = turn.status.value;
      if (status.state === "stopping") {
        turn.status.value = { state: "stopping", unshown: status.unshown + text };
        return;
      }
      batch(() => {
        turn.answer.value += text;
        generatedTokens.value = generated;
        turn.status.value = { state: "answering", generatedTokens: generated, elapsedMs };
      });
    },
    end: (number, reason, timings, used) => {
      const turn = findRunning(number);
      if (!turn) return;
      const status = turn.status.value;
      batch(() => {
        // The answer had already ended when Stop was pressed: the worker's state holds all of it, so all of it is shown.
        if (status.state === "stopping" && reason !== "stopped") turn.answer.value += status.unshown;
        turn.status.value = { state: "ended", reason, timings };
        settle(used);
        if (wasRefused(turn.status.value) && draft.value.trim() === "") draft.value = turn.userText;
        if (reason === "stopped" && turn.answer.value === "") withdraw(turn);
      });
    },
    fail: (number, failure) => {
      const turn = findRunning(number);
      if (turn) turn.status.value = { state: "failed", failure };
    },
  };
}
