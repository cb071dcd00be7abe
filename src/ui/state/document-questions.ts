// Questions about a document, and their answers. Each is a turn of its own: none knows of the others.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { DocumentEvent, DocumentRequest, DocumentVerdict } from "../../worker/messages-document.ts";
import type { SamplingSettings } from "../../worker/messages-model.ts";
import type { Turn, TurnStatus } from "./conversation.ts";

export interface Question extends Turn {
  /** null until the answer to a question about a hidden fact has ended. */
  readonly verdict: Signal<DocumentVerdict | null>;
}

export interface QuestionsState {
  readonly questions: ReadonlySignal<readonly Question[]>;
  readonly draft: Signal<string>;
  readonly isAnswering: ReadonlySignal<boolean>;
  /** Asks about the document, when no question is being answered and there is one. */
  ask(
    document: number,
    question: string,
    draw: { readonly sampling: SamplingSettings; readonly maxTokens: number },
  ): void;
  stop(): void;
  /** Forgets all of them; the draft stays. */
  clear(): void;
  apply(event: Extract<DocumentEvent, { kind: "documentText" | "documentTurnEnded" }>): void;
}

function isRunning(status: TurnStatus): boolean {
  return status.state !== "ended" && status.state !== "failed";
}

export function createQuestions(send: (request: DocumentRequest) => void, now: () => number): QuestionsState {
  const questions = signal<readonly Question[]>([]);
  const draft = signal("");
  let nextTurn = 1;
  const running = computed(() => questions.value.find(({ status }) => isRunning(status.value)));
  const find = (turn: number) => questions.value.find((question) => question.turn === turn);
  return {
    questions,
    draft,
    isAnswering: computed(() => running.value !== undefined),
    ask: (document, text, { sampling, maxTokens }) => {
      const question = text.trim();
      if (running.value || question === "") return;
      const turn = nextTurn++;
      const status = signal<TurnStatus>({ state: "reading", readTokens: 0, totalTokens: 0, sentMs: now() });
      const asked = { turn, userText: question, sampling, answer: signal(""), status, verdict: signal(null) };
      questions.value = [...questions.value, asked];
      send({ kind: "askDocument", document, turn, question, sampling, maxTokens });
    },
    stop: () => {
      const question = running.value;
      if (!question || question.status.value.state === "stopping") return;
      question.status.value = { state: "stopping", unshown: "" };
      send({ kind: "stopDocumentAnswer", turn: question.turn });
    },
    clear: () => {
      questions.value = [];
    },
    apply: (event) => {
      const question = find(event.turn);
      if (!question) return;
      const { answer, status, verdict } = question;
      batch(() => {
        if (event.kind === "documentText") {
          answer.value += event.text;
          const { generatedTokens, elapsedMs } = event;
          if (status.value.state !== "stopping") status.value = { state: "answering", generatedTokens, elapsedMs };
        } else {
          status.value = { state: "ended", reason: event.reason, timings: event.timings };
          verdict.value = event.reason === "stopped" ? null : event.verdict;
        }
      });
    },
  };
}
