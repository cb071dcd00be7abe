// Answers questions about the open document, in jobs. Each begins at the state after the document, and leaves it as it was.

import { isMemoryError } from "../gpu/memory-budget.ts";
import type { ChatModel } from "../chat/chat-model.ts";
import type { StopReason, TextChunk, TurnEnd } from "../chat/turn.ts";
import type { DocumentDesk } from "./document-desk.ts";
import { judge } from "./document-outline.ts";
import type { Gpu } from "./gpu-host.ts";
import type { DocumentRequest } from "./messages-document.ts";
import type { OpenDocument } from "./open-document.ts";

export type AskRequest = Extract<DocumentRequest, { kind: "askDocument" }>;

/** The page has no penalties yet. */
const NO_PENALTIES = { repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0, logitBias: [] };

const MAX_TITLE = 40;
const NOTHING_MEASURED = { promptTokens: 0, promptMs: 0, generatedTokens: 0, generateMs: 0 };

export class DocumentAnswers {
  readonly #desk: DocumentDesk;
  /** Jobs of questions that have not ended, by turn. */
  readonly #jobs = new Map<number, number>();

  constructor(desk: DocumentDesk) {
    this.#desk = desk;
  }

  /** Ends the turn at once where there is no document to ask about. */
  ask(open: OpenDocument | undefined, request: AskRequest): void {
    const { document, turn, question } = request;
    const { host, queue, subject, fail } = this.#desk;
    if (open?.number !== document || open.readTokens === 0) return this.#end(document, turn, "stopped");
    const answer = this.#answerer(open, request);
    const stop = () => this.#end(document, turn, "stopped");
    const job = queue.add({
      part: "document",
      title: `Answering “${question.length > MAX_TITLE ? `${question.slice(0, MAX_TITLE)}…` : question}”`,
      skip: stop,
      run: async (signal) => {
        const use = subject();
        if (!use) return stop();
        try {
          await host.run(async (gpu) => answer(gpu, await gpu.open(use, signal), signal), signal);
        } catch (error) {
          if (signal.aborted) return stop();
          this.#jobs.delete(turn);
          fail(open, error);
        }
      },
    });
    this.#jobs.set(turn, job);
  }

  stop(turn: number): void {
    const job = this.#jobs.get(turn);
    if (job !== undefined) this.#desk.queue.cancel(job);
  }

  stopAll(): void {
    for (const turn of this.#jobs.keys()) this.stop(turn);
  }

  /** On another GPU the answer begins anew, and comes out the same: what was told is not told again. */
  #answerer(open: OpenDocument, { document, turn, question, sampling, maxTokens }: AskRequest) {
    const { post } = this.#desk;
    const startTime = performance.now();
    let said = "";
    let timeToFirstTokenMs: number | undefined;
    return async (gpu: Gpu, chat: ChatModel, signal: AbortSignal): Promise<void> => {
      const { endTokenIds } = chat;
      const options = { sampling: { ...NO_PENALTIES, ...sampling }, maxTokens, endTokenIds, signal };
      let numChars = 0;
      const tell = (chunk: TextChunk): void => {
        timeToFirstTokenMs ??= performance.now() - startTime;
        const text = chunk.text.slice(Math.max(0, said.length - numChars));
        numChars += chunk.text.length;
        if (text === "") return;
        said += text;
        post({ kind: "documentText", document, turn, ...chunk, text });
      };
      const { reason, timings } = await untilFull(open.ask(gpu, chat, question, options), tell);
      const told = { ...timings, timeToFirstTokenMs: timeToFirstTokenMs ?? performance.now() - startTime };
      this.#jobs.delete(turn);
      post({ kind: "documentTurnEnded", document, turn, reason, timings: told, verdict: judge(open, question, said) });
    };
  }

  #end(document: number, turn: number, reason: StopReason): void {
    this.#jobs.delete(turn);
    const timings = { ...NOTHING_MEASURED, timeToFirstTokenMs: 0 };
    this.#desk.post({ kind: "documentTurnEnded", document, turn, reason, timings, verdict: null });
  }
}

/** The end of an answer, which may be that there is no room for more: what was read is there all the same. */
async function untilFull(
  chunks: AsyncGenerator<TextChunk, TurnEnd>,
  tell: (chunk: TextChunk) => void,
): Promise<Pick<TurnEnd, "reason" | "timings">> {
  let timings = NOTHING_MEASURED;
  try {
    let next = await chunks.next();
    for (; !next.done; next = await chunks.next()) {
      const { generatedTokens, elapsedMs: generateMs } = next.value;
      timings = { ...timings, generatedTokens, generateMs };
      tell(next.value);
    }
    return next.value;
  } catch (error) {
    if (!isMemoryError(error)) throw error;
    return { reason: "memory", timings };
  }
}
