// The same prompt to several models on one GPU: they write in turns of a run of steps each, or one after another, and the
// clock that each is given is its own.

import { GREEDY } from "../kernels/call.ts";
import type { Sequence } from "../model/sequence.ts";
import type { DrawOptions } from "../model/step-buffer.ts";
import { type Contender, createPacedSequence, RUN_STEPS, sizeOf, usedBy } from "./contender.ts";
import type { AnswerPlan, AnswerState } from "./answer-result.ts";

export interface AnswerOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called whenever something is new of the answer at `index`. */
  readonly onState?: ((index: number, state: AnswerState) => void) | undefined;
}

/** What the models wrote, in their order. */
export async function answerAll(
  contenders: readonly Contender[],
  plan: AnswerPlan,
  { signal, onState }: AnswerOptions = {},
): Promise<readonly AnswerState[]> {
  const answers: Answer[] = [];
  try {
    for (const [index, contender] of contenders.entries()) {
      answers.push(await Answer.begin(contender, plan, signal, (state) => onState?.(index, state)));
    }
    const turns = plan.order === "in turns" ? takeTurns(answers) : oneAfterAnother(answers);
    for (const answer of turns) await answer.run();
    return answers.map(({ state }) => state);
  } finally {
    for (const answer of answers) await answer.close();
  }
}

function* takeTurns(answers: readonly Answer[]): Generator<Answer, void> {
  while (answers.some(({ state }) => state.end === null)) {
    for (const answer of answers) if (answer.state.end === null) yield answer;
  }
}

function* oneAfterAnother(answers: readonly Answer[]): Generator<Answer, void> {
  for (const answer of answers) while (answer.state.end === null) yield answer;
}

class Answer {
  readonly #contender: Contender;
  readonly #sequence: Sequence;
  readonly #plan: AnswerPlan;
  readonly #signal: AbortSignal | undefined;
  readonly #tell: (state: AnswerState) => void;
  readonly #ids: readonly number[];
  readonly #decoder;
  #tokens: AsyncGenerator<number, void> | undefined;
  #state: AnswerState;

  private constructor(
    contender: Contender,
    sequence: Sequence,
    ids: readonly number[],
    plan: AnswerPlan,
    signal: AbortSignal | undefined,
    tell: (state: AnswerState) => void,
  ) {
    this.#contender = contender;
    this.#sequence = sequence;
    this.#plan = plan;
    this.#signal = signal;
    this.#tell = tell;
    this.#ids = ids;
    this.#decoder = contender.tokenizer.createDecoder();
    this.#state = {
      name: contender.name,
      text: "",
      promptTokens: ids.length,
      promptLoss: null,
      readTokens: 0,
      readMs: 0,
      generatedTokens: 0,
      runMsPerToken: null,
      writeMs: 0,
      writtenTokens: 0,
      used: usedBy(contender),
      stateSize: sizeOf(contender),
      position: 0,
      end: null,
    };
  }

  static async begin(
    contender: Contender,
    plan: AnswerPlan,
    signal: AbortSignal | undefined,
    tell: (state: AnswerState) => void,
  ): Promise<Answer> {
    const message = { role: "user" as const, content: plan.prompt };
    const ids = contender.template.encodeTurn([], [message], { previousAnswerEnded: false });
    const sequence = await createPacedSequence(contender, ids.length + plan.maxTokens);
    const answer = new Answer(contender, sequence, ids, plan, signal, tell);
    try {
      await answer.#read();
      return answer;
    } catch (error) {
      sequence.destroy();
      throw error;
    }
  }

  get #draw(): DrawOptions {
    return {
      sampling: { ...GREEDY, ...this.#plan.sampling },
      endTokenIds: this.#contender.endTokenIds,
    };
  }

  get state(): AnswerState {
    return this.#state;
  }

  /** One run of steps, or to the answer's end. */
  async run(): Promise<void> {
    if (this.#signal?.aborted) return this.#change({ end: "stopped" });
    this.#tokens ??= this.#sequence.generate(this.#draw, this.#plan.maxTokens - 1);
    const numWanted = Math.min(RUN_STEPS, this.#plan.maxTokens - this.#state.generatedTokens);
    const startMs = performance.now();
    let numDrawn = 0;
    let isOver = false;
    while (numDrawn < RUN_STEPS && !isOver) {
      const next = await this.#tokens.next();
      if (next.done) break;
      numDrawn += 1;
      isOver = this.#take(next.value);
    }
    const runMs = performance.now() - startMs;
    const { writeMs, writtenTokens } = this.#state;
    const isWhole = numDrawn > 0 && numDrawn === numWanted;
    if (!isWhole && (numDrawn === 0 || writtenTokens > 0)) return this.#change({});
    this.#change({
      runMsPerToken: runMs / numDrawn,
      writeMs: writeMs + runMs,
      writtenTokens: writtenTokens + numDrawn,
    });
  }

  async close(): Promise<void> {
    await this.#tokens?.return();
    this.#sequence.destroy();
  }

  /** Reads the prompt for its loss, then again for the first token: a draw and a loss are two ends of the same pass. */
  async #read(): Promise<void> {
    const startMs = performance.now();
    let [lossSum, numLosses] = [0, 0];
    await this.#sequence.prefill(this.#ids, {
      output: "loss",
      signal: this.#signal,
      onLosses: (losses) => {
        lossSum = losses.reduce((sum, loss) => sum + loss, lossSum);
        numLosses += losses.length;
      },
      onProgress: (readTokens) => {
        const readMs = performance.now() - startMs;
        this.#change({ readTokens, readMs, promptLoss: numLosses === 0 ? null : lossSum / numLosses });
      },
    });
    this.#sequence.clear();
    const first = await this.#sequence.prefill(this.#ids, { output: "last", ...this.#draw, signal: this.#signal });
    if (first === undefined) return this.#change({ end: "stopped" });
    this.#take(first);
    this.#change({});
  }

  /** Whether the answer is over with this token. */
  #take(token: number): boolean {
    const generatedTokens = this.#state.generatedTokens + 1;
    const isEnd = this.#contender.endTokenIds.includes(token);
    const end = isEnd ? "end" : generatedTokens >= this.#plan.maxTokens ? "length" : null;
    const piece = (isEnd ? "" : this.#decoder.push(token)) + (end ? this.#decoder.end() : "");
    this.#state = { ...this.#state, generatedTokens, text: this.#state.text + piece, end };
    return end !== null;
  }

  #change(change: Partial<AnswerState>): void {
    const now = { used: usedBy(this.#contender), position: this.#sequence.position };
    this.#state = { ...this.#state, ...now, ...change };
    this.#tell(this.#state);
  }
}
