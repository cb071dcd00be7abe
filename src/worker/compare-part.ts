// Comparing behind the protocol: opens the models beside each other on one GPU, a ledger each, and measures one thing at a
// time. A measurement begins anew when the device is lost.

import type { ChatModel } from "../chat/chat-model.ts";
import type { AnswerPlan } from "../compare/answer-result.ts";
import { answerAll } from "../compare/answer.ts";
import { sizeOf } from "../compare/contender.ts";
import {
  describeInspection,
  inspect,
  type Inspection,
  MAX_INSPECTED_TOKENS,
  weightsOfToken,
} from "../compare/inspection.ts";
import { writePositions } from "../compare/race-result.ts";
import { chronicleIds } from "../compare/race-text.ts";
import { runLane } from "../compare/race.ts";
import { measureRecall } from "../compare/recall.ts";
import type { RecallPlan } from "../compare/recall-result.ts";
import { expectSameTokenizer } from "../compare/same-tokenizer.ts";
import { CompareModels } from "./compare-models.ts";
import { parseFailure } from "./failures.ts";
import type { GpuHost } from "./gpu-host.ts";
import type { JobQueue } from "./job-queue.ts";
import type { ComparedModel, CompareRequest, CompareTask, RaceText } from "./messages-compare.ts";
import type { WorkerEvent } from "./messages.ts";

/** What a task does once the models are there. */
type Work = (contenders: readonly ChatModel[], signal: AbortSignal) => Promise<void>;

const TITLES: Readonly<Record<CompareTask, string>> = {
  open: "Opening the models to compare",
  answer: "Comparing answers",
  race: "Race of a text",
  recall: "Comparing recall",
  inspect: "Reading what is attended to",
};

/** Timed runs of writing at each position. */
const WRITE_RUNS = 3;

export class ComparePart {
  readonly #host: GpuHost;
  readonly #queue: JobQueue;
  readonly #post: (event: WorkerEvent) => void;
  readonly #models: CompareModels;
  readonly #jobs = new Set<number>();
  /** Of the text that was inspected last, by model. */
  #inspections: readonly Inspection[] = [];

  constructor(host: GpuHost, queue: JobQueue, post: (event: WorkerEvent) => void) {
    this.#host = host;
    this.#queue = queue;
    this.#post = post;
    this.#models = new CompareModels(host, post);
  }

  receive(request: CompareRequest): void {
    switch (request.kind) {
      case "compareOpen":
        this.#stop();
        this.#inspections = [];
        this.#models.choose(request.modelUrls);
        return this.#add("open", async (contenders) => {
          expectSameTokenizer(contenders);
          this.#post({ kind: "compareReady", models: contenders.map(describe) });
        });
      case "compareAgree":
        return this.#models.agree();
      case "compareAnswer":
        return this.#add("answer", (contenders, signal) => this.#answer(contenders, request.plan, signal));
      case "compareRace":
        return this.#add("race", (contenders, signal) => this.#race(contenders, request.text, signal));
      case "compareRecall":
        return this.#add("recall", (contenders, signal) => this.#recall(contenders, request.plan, signal));
      case "compareInspect":
        return this.#add("inspect", (contenders, signal) => this.#inspect(contenders, request.text, signal));
      case "compareToken":
        return this.#tellWeights(request.token);
      case "stopCompare":
        return this.#stop();
    }
  }

  #stop(): void {
    for (const job of this.#jobs) this.#queue.cancel(job);
  }

  #add(task: CompareTask, work: Work): void {
    const job = this.#queue.add({
      part: "compare",
      title: TITLES[task],
      run: async (signal) => {
        try {
          await this.#host.run(async (gpu) => {
            this.#post({ kind: "compareBegun", task });
            await work(await this.#models.open(gpu, signal), signal);
          }, signal);
          this.#post({ kind: "compareEnded", task });
        } catch (error) {
          if (signal.aborted) this.#post({ kind: "compareEnded", task });
          else this.#post({ kind: "compareFailed", task, failure: parseFailure(error) });
        } finally {
          this.#jobs.delete(job);
        }
      },
      skip: () => {
        this.#jobs.delete(job);
        this.#post({ kind: "compareEnded", task });
      },
    });
    this.#jobs.add(job);
  }

  async #answer(contenders: readonly ChatModel[], plan: AnswerPlan, signal: AbortSignal): Promise<void> {
    await answerAll(contenders, plan, {
      signal,
      onState: (index, state) => this.#post({ kind: "compareAnswering", index, state }),
    });
  }

  async #race(
    contenders: readonly ChatModel[],
    { text, numTokens, seed }: RaceText,
    signal: AbortSignal,
  ): Promise<void> {
    const { tokenizer } = contenders[0]!;
    const ids =
      text === null ? chronicleIds(tokenizer, numTokens, seed) : tokenizer.encodePlain(text).slice(0, numTokens);
    if (ids.length < 2) throw new RangeError(`text: expected two tokens or more, got ${ids.length}`);
    for (const [index, contender] of contenders.entries()) {
      const lane = await runLane(contender, ids, {
        writeAt: writePositions(ids.length),
        writeRuns: WRITE_RUNS,
        signal,
        onRead: (point) => this.#post({ kind: "compareRead", index, point }),
        onWrite: (point) => this.#post({ kind: "compareWrote", index, point }),
      });
      this.#post({ kind: "compareLane", index, lane });
      if (signal.aborted) return;
    }
  }

  async #recall(contenders: readonly ChatModel[], plan: RecallPlan, signal: AbortSignal): Promise<void> {
    // List by list, so that all models' lines grow together.
    for (const size of plan.sizes) {
      for (const contender of contenders) {
        await measureRecall(
          contender,
          { ...plan, sizes: [size] },
          {
            signal,
            onCell: (cell) => this.#post({ kind: "compareRecalled", cell }),
          },
        );
      }
    }
  }

  async #inspect(contenders: readonly ChatModel[], text: string, signal: AbortSignal): Promise<void> {
    const { tokenizer } = contenders[0]!;
    const all = tokenizer.encodePlain(text);
    const ids = all.slice(0, MAX_INSPECTED_TOKENS);
    if (ids.length === 0) throw new RangeError("text: expected a token or more, got none");
    const inspections: Inspection[] = [];
    for (const contender of contenders) {
      const inspection = await inspect(contender, ids, signal);
      if (!inspection) return;
      inspections.push(inspection);
    }
    this.#inspections = inspections;
    this.#post({
      kind: "compareInspected",
      tokens: ids.map((id) => tokenizer.decode([id], { skipSpecial: false })),
      isCut: ids.length < all.length,
      models: inspections.map((inspection, index) => describeInspection(contenders[index]!.name, inspection)),
    });
    this.#tellWeights(ids.length - 1);
  }

  #tellWeights(token: number): void {
    const [first] = this.#inspections;
    if (!first || token < 0 || token >= first.ids.length) return;
    const models = this.#inspections.map((inspection) => weightsOfToken(inspection, token));
    this.#post({ kind: "compareWeights", token, models });
  }
}

function describe(contender: ChatModel): ComparedModel {
  const { name, numParameters, model } = contender;
  return {
    name,
    numParameters,
    layerTypes: model.config.layerTypes,
    stateSize: sizeOf(contender),
    trainedContextLength: model.config.trainedContextLength,
    allocatedBytes: model.session.ledger.allocatedBytes,
  };
}
