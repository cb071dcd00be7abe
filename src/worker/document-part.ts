// The long document behind the protocol: encodes it, reads it with pauses, answers questions about it.

import { createChronicle, type HiddenFact } from "../document/chronicle.ts";
import { DocumentPrompt } from "../document/document-prompt.ts";
import { encodeDocument } from "../document/encode-document.ts";
import { isRightAnswer } from "../document/facts.ts";
import { readText } from "../document/read-text.ts";
import { measureBytes, ReadingMeter } from "../document/reading.ts";
import {
  fittingTokens,
  growthPerToken,
  type KeyWindow,
  numActiveParameters,
  planMemory,
  readingMs,
} from "../document/reading-plan.ts";
import type { TextSource } from "../document/text-source.ts";
import type { ChatModel } from "../chat/chat-model.ts";
import { parseFailure } from "./failures.ts";
import type { Gpu, GpuHost } from "./gpu-host.ts";
import type { JobQueue } from "./job-queue.ts";
import { measureSpeed } from "./measure-speed.ts";
import type { DocumentOutline, DocumentRequest, DocumentVerdict } from "./messages-document.ts";
import type { WorkerEvent } from "./messages.ts";
import type { ModelUse } from "./model-use.ts";
import { OpenDocument } from "./open-document.ts";

type AskRequest = Extract<DocumentRequest, { kind: "askDocument" }>;

/** The page has no penalties yet. */
const NO_PENALTIES = { repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0, logitBias: [] };

/** Characters of the strip that shows what is being read, and tokens that are surely enough for them. */
const EXCERPT_CHARS = 240;
const EXCERPT_TOKENS = 96;

export class DocumentPart {
  readonly #host: GpuHost;
  readonly #queue: JobQueue;
  readonly #post: (event: WorkerEvent) => void;
  readonly #subject: () => ModelUse | undefined;
  /** Of the document that is being opened, or is open. */
  #opening = new AbortController();
  #open: OpenDocument | undefined;
  /** Reads, or waits to read. */
  #readJob: number | undefined;
  /** Jobs of questions that have not ended, by turn. */
  readonly #askJobs = new Map<number, number>();
  /** As measured last: a token's time at a position. */
  #speed: { readonly gpu: Gpu; readonly msPerToken: number; readonly at: number } | undefined;

  /** @param subject the model that reads, if one is loaded */
  constructor(host: GpuHost, queue: JobQueue, post: (event: WorkerEvent) => void, subject: () => ModelUse | undefined) {
    this.#host = host;
    this.#queue = queue;
    this.#post = post;
    this.#subject = subject;
  }

  receive(request: DocumentRequest): void {
    switch (request.kind) {
      case "openDocument":
        this.#close();
        return void this.#encode(request.document, request.source, this.#opening.signal);
      case "closeDocument":
        return this.#close();
      case "readDocument":
        return this.#read(request.document, request.keyWindow);
      case "pauseDocument":
        if (this.#readJob !== undefined) this.#queue.cancel(this.#readJob);
        return;
      case "endDocument":
        return this.#end(request.document);
      case "askDocument":
        return this.#ask(request);
      case "stopDocumentAnswer": {
        const job = this.#askJobs.get(request.turn);
        if (job !== undefined) this.#queue.cancel(job);
        return;
      }
    }
  }

  /** What a job with the model gives; undefined when there is no model, or the signal ended it. */
  #withModel<Result>(
    title: string,
    signal: AbortSignal,
    work: (gpu: Gpu, chat: ChatModel, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result | undefined> {
    return new Promise((resolve, reject) => {
      this.#queue.add({
        part: "document",
        title,
        run: async (jobSignal) => {
          const use = this.#subject();
          const either = AbortSignal.any([jobSignal, signal]);
          if (!use || either.aborted) return resolve(undefined);
          await this.#host.run(async (gpu) => work(gpu, await gpu.open(use, either), either)).then(resolve, reject);
        },
        skip: () => resolve(undefined),
      });
    });
  }

  async #encode(document: number, source: TextSource, signal: AbortSignal): Promise<void> {
    try {
      const chat = await this.#withModel("Opening a document", signal, async (_, opened) => opened);
      if (!chat) return;
      const { name, facts } = describeSource(source);
      const prompt = new DocumentPrompt(chat.tokenizer, chat.template);
      const encoded = await encodeDocument(prompt, readText(source), {
        signal,
        onProgress: (numTokens, numChars) => this.#post({ kind: "documentCounting", document, numTokens, numChars }),
      });
      signal.throwIfAborted();
      const open = new OpenDocument(document, { name, facts, prompt, ...encoded });
      await this.#tellOutline(open, signal);
      if (!signal.aborted) this.#open = open;
    } catch (error) {
      if (!signal.aborted) this.#post({ kind: "documentFailed", document, failure: parseFailure(error) });
    }
  }

  /** Measures the speed, unless it is known, and tells what reading will take. */
  async #tellOutline(open: OpenDocument, signal: AbortSignal): Promise<void> {
    await this.#withModel("Measuring the reading speed", signal, async (gpu, chat) => {
      const { ids } = open.text;
      if (this.#speed?.gpu !== gpu) this.#speed = { gpu, ...(await measureSpeed(chat.model, ids)) };
      signal.throwIfAborted();
      const { msPerToken, at } = this.#speed;
      const estimatedMs = readingMs(growthOf(chat), msPerToken, at, 0, ids.length, null);
      this.#post({ kind: "documentOpened", document: open.number, outline: outlineOf(open, gpu, chat), estimatedMs });
    });
  }

  #read(document: number, keyWindow: KeyWindow | null): void {
    const open = this.#open;
    if (open?.number !== document || this.#readJob !== undefined) return;
    if (open.readTokens === 0) open.keyWindow = keyWindow;
    const tellEnd = (isWhole: boolean) => {
      this.#readJob = undefined;
      const { readTokens } = open;
      this.#post({ kind: isWhole ? "documentRead" : "documentPaused", document, readTokens });
    };
    this.#readJob = this.#queue.add({
      part: "document",
      title: `Reading “${open.text.name}”`,
      skip: () => tellEnd(false),
      run: async (signal) => {
        const use = this.#subject();
        if (!use) return tellEnd(false);
        try {
          const isWhole = await this.#host.run(async (gpu) => {
            return this.#readOn(open, gpu, await gpu.open(use, signal), signal);
          });
          tellEnd(isWhole);
        } catch (error) {
          this.#fail(open, error);
        }
      },
    });
  }

  async #readOn(open: OpenDocument, gpu: Gpu, chat: ChatModel, signal: AbortSignal): Promise<boolean> {
    const { session } = gpu;
    const { ids } = open.text;
    const growth = growthOf(chat);
    let meter: ReadingMeter | undefined;
    const onRead = (numTokens: number): void => {
      const sequence = open.sequenceOn(gpu);
      if (!sequence) return;
      const reading = meter?.advance(numTokens, performance.now(), numTokens === ids.length);
      // The first block of a run waits for what came before it: its time is not its own.
      meter ??= new ReadingMeter(numTokens, performance.now());
      if (!reading) return;
      const { msPerToken, tokensPerSecond } = reading;
      this.#speed = { gpu, msPerToken: 1000 / tokensPerSecond, at: numTokens };
      this.#post({
        kind: "documentReading",
        document: open.number,
        readTokens: numTokens,
        tokensPerSecond,
        leftMs: readingMs(growth, 1000 / tokensPerSecond, numTokens, numTokens, ids.length, open.keyWindow),
        point: { numTokens, msPerToken, ...measureBytes(session, sequence) },
        excerpt: excerptAt(chat, ids, numTokens),
      });
    };
    return open.read(gpu, chat, { signal, onRead, onSlab: async () => {} });
  }

  #end(document: number): void {
    const open = this.#open;
    if (open?.number !== document || this.#readJob !== undefined || open.readTokens === 0) return;
    open.end();
    this.#post({ kind: "documentRead", document, readTokens: open.readTokens });
  }

  #ask({ document, turn, question, sampling, maxTokens }: AskRequest): void {
    const open = this.#open;
    const startTime = performance.now();
    const tellEnd = (reason: "stopped") => {
      this.#askJobs.delete(turn);
      const timings = { promptTokens: 0, promptMs: 0, timeToFirstTokenMs: 0, generatedTokens: 0, generateMs: 0 };
      this.#post({ kind: "documentTurnEnded", document, turn, reason, timings, verdict: null });
    };
    if (open?.number !== document || open.readTokens === 0) return tellEnd("stopped");
    const answer = async (gpu: Gpu, chat: ChatModel, signal: AbortSignal): Promise<void> => {
      const { endTokenIds } = chat;
      const options = { sampling: { ...NO_PENALTIES, ...sampling }, maxTokens, endTokenIds, signal };
      const chunks = open.ask(gpu, chat, question, options);
      let timeToFirstTokenMs: number | undefined;
      let said = "";
      let next = await chunks.next();
      for (; !next.done; next = await chunks.next()) {
        timeToFirstTokenMs ??= performance.now() - startTime;
        said += next.value.text;
        this.#post({ kind: "documentText", document, turn, ...next.value });
      }
      const { reason, timings } = next.value;
      const told = { ...timings, timeToFirstTokenMs: timeToFirstTokenMs ?? performance.now() - startTime };
      this.#askJobs.delete(turn);
      const verdict = judge(open, question, said);
      this.#post({ kind: "documentTurnEnded", document, turn, reason, timings: told, verdict });
    };
    const job = this.#queue.add({
      part: "document",
      title: `Answering “${question.length > 40 ? `${question.slice(0, 40)}…` : question}”`,
      skip: () => tellEnd("stopped"),
      run: async (signal) => {
        const use = this.#subject();
        if (!use) return tellEnd("stopped");
        try {
          await this.#host.run(async (gpu) => answer(gpu, await gpu.open(use, signal), signal));
        } catch (error) {
          this.#askJobs.delete(turn);
          this.#fail(open, error);
        }
      },
    });
    this.#askJobs.set(turn, job);
  }

  /** What is on the GPU is freed once the jobs that use it have ended. */
  #close(): void {
    this.#opening.abort();
    this.#opening = new AbortController();
    for (const job of [this.#readJob, ...this.#askJobs.values()]) if (job !== undefined) this.#queue.cancel(job);
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    const free = async () => open.free(this.#host.gpu);
    this.#queue.add({ part: "document", title: "Closing the document", run: free, skip: () => void free() });
  }

  #fail(open: OpenDocument, error: unknown): void {
    this.#readJob = undefined;
    if (this.#open === open) this.#open = undefined;
    this.#post({ kind: "documentFailed", document: open.number, failure: parseFailure(error) });
  }
}

function describeSource(source: TextSource): { readonly name: string; readonly facts: readonly HiddenFact[] } {
  if (source.kind !== "sample") return { name: source.name, facts: [] };
  const { title, facts } = createChronicle(source.seed, source.numTokens, source.depths);
  return { name: title, facts };
}

function judge({ text }: OpenDocument, question: string, said: string): DocumentVerdict | null {
  const fact = text.facts.find((hidden) => hidden.question === question.trim());
  return fact ? { expected: fact.answer, isRight: isRightAnswer(said, fact) } : null;
}

function growthOf({ model, numParameters }: ChatModel): number {
  return growthPerToken(model.config, numActiveParameters(model.config, numParameters));
}

function outlineOf({ text, numTokens }: OpenDocument, { session }: Gpu, { model }: ChatModel): DocumentOutline {
  const memory = planMemory(model.config, model.kvFormat);
  const { ledger } = session;
  const fitting = fittingTokens(memory, ASSUMED_MEMORY_BYTES - ledger.allocatedBytes, null);
  return {
    name: text.name,
    numTokens,
    numChars: text.numChars,
    facts: text.facts.map(({ question, answer, depth }) => ({ question, answer, depth })),
    ...memory,
    weightBytes: ledger.totals().find(({ kind }) => kind === "weights")?.allocatedBytes ?? 0,
    fittingTokens: fitting === Infinity ? null : fitting,
  };
}

/** Browsers do not tell how much memory a GPU has; most have this much to give. */
const ASSUMED_MEMORY_BYTES = 2e9;

/** The end of what was read, from the beginning of a word on. */
function excerptAt({ tokenizer }: ChatModel, ids: Uint32Array, numTokens: number): string {
  const last = [...ids.subarray(Math.max(0, numTokens - EXCERPT_TOKENS), numTokens)];
  const text = tokenizer.decode(last, { skipSpecial: true }).replace(/\s+/g, " ").slice(-EXCERPT_CHARS);
  return text.slice(text.indexOf(" ") + 1);
}
