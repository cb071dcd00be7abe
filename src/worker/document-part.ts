// The long document behind the protocol: encodes it, reads it with pauses, answers questions about it.

import { DocumentPrompt } from "../document/document-prompt.ts";
import { DocumentError } from "../document/document-error.ts";
import { expectModel } from "../document/document-record.ts";
import { encodeDocument } from "../document/encode-document.ts";
import { readText } from "../document/read-text.ts";
import { readingMs } from "../document/reading-plan.ts";
import type { KeyWindow } from "../kernels/key-window.ts";
import type { TextSource } from "../document/text-source.ts";
import type { ChatModel } from "../chat/chat-model.ts";
import { GpuMemoryError, MemoryBudgetError } from "../gpu/memory-budget.ts";
import type { FolderHandle } from "../store/private-files.ts";
import { DocumentKeeper } from "./document-keeper.ts";
import { describeSource, growthOf, judge, outlineOf } from "./document-outline.ts";
import { DocumentShelf } from "./document-shelf.ts";
import { parseFailure } from "./failures.ts";
import type { Gpu, GpuHost } from "./gpu-host.ts";
import type { JobQueue } from "./job-queue.ts";
import { measureSpeed, type Speed } from "./measure-speed.ts";
import type { DocumentRequest } from "./messages-document.ts";
import type { WorkerEvent } from "./messages.ts";
import type { ModelUse } from "./model-use.ts";
import { OpenDocument } from "./open-document.ts";
import { readAndTell } from "./read-and-tell.ts";

type AskRequest = Extract<DocumentRequest, { kind: "askDocument" }>;

/** The page has no penalties yet. */
const NO_PENALTIES = { repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0, logitBias: [] };

const FULL =
  "There is no more room for keys and values on the GPU. You can ask about what was read until here; with constant memory, any text fits.";

export class DocumentPart {
  readonly #host: GpuHost;
  readonly #queue: JobQueue;
  readonly #post: (event: WorkerEvent) => void;
  readonly #subject: () => ModelUse | undefined;
  readonly #shelf: DocumentShelf;
  readonly #keeper: DocumentKeeper;
  /** Of the document that is being opened, or is open. */
  #opening = new AbortController();
  #open: OpenDocument | undefined;
  /** Reads, or waits to read. */
  #readJob: number | undefined;
  /** Jobs of questions that have not ended, by turn. */
  readonly #askJobs = new Map<number, number>();
  readonly #never = new AbortController().signal;
  /** As measured last: a token's time at a position. */
  #speed: (Speed & { readonly gpu: Gpu }) | undefined;

  /** @param subject the model that reads, if one is loaded */
  constructor(
    host: GpuHost,
    queue: JobQueue,
    post: (event: WorkerEvent) => void,
    subject: () => ModelUse | undefined,
    openFolder: () => Promise<FolderHandle | undefined>,
  ) {
    this.#host = host;
    this.#queue = queue;
    this.#post = post;
    this.#subject = subject;
    this.#shelf = new DocumentShelf(post, openFolder, async () => {
      const chat = await this.#withModel("Looking for kept documents", this.#never, async (_, opened) => opened);
      return chat && { id: chat.id, kvFormat: chat.model.kvFormat };
    });
    this.#keeper = new DocumentKeeper(post, this.#shelf);
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
      case "keepDocument":
        if (this.#open?.number === request.document) void this.#keeper.keep(this.#open, request.name);
        return;
      case "restoreDocument":
        this.#close();
        return void this.#restore(request.document, request.id, this.#opening.signal);
      case "listDocuments":
      case "renameDocument":
      case "deleteDocument":
      case "exportDocument":
      case "importDocument":
        return this.#shelf.receive(request);
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
          await this.#host
            .run(async (gpu) => work(gpu, await gpu.open(use, either), either), either)
            .then(resolve, (error: unknown) => (either.aborted ? resolve(undefined) : reject(error)));
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
      await this.#present(open, signal);
    } catch (error) {
      if (!signal.aborted) this.#post({ kind: "documentFailed", document, failure: parseFailure(error) });
    }
  }

  /** Measures the speed, unless it is known, and tells what reading will take; from then on the document is open. */
  async #present(open: OpenDocument, signal: AbortSignal): Promise<void> {
    await this.#withModel("Measuring the reading speed", signal, async (gpu, chat) => {
      const { ids } = open.text;
      if (this.#speed?.gpu !== gpu) this.#speed = { gpu, ...(await measureSpeed(chat.model, ids)) };
      signal.throwIfAborted();
      this.#open = open;
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
            const chat = await gpu.open(use, signal);
            const onSpeed = (speed: Speed) => (this.#speed = { gpu, ...speed });
            return readAndTell(open, gpu, chat, { post: this.#post, keeper: this.#keeper, signal, onSpeed });
          }, signal);
          tellEnd(isWhole);
        } catch (error) {
          // Paused before there was a GPU to read with.
          if (signal.aborted) return tellEnd(false);
          if (!(error instanceof MemoryBudgetError || error instanceof GpuMemoryError)) return this.#fail(open, error);
          // What was read is there all the same.
          this.#post({ kind: "documentProblem", message: FULL });
          tellEnd(false);
        }
      },
    });
  }

  async #restore(document: number, id: string, signal: AbortSignal): Promise<void> {
    try {
      const store = await this.#shelf.store();
      if (!store) throw new DocumentError("storage: expected a kept document, got no storage");
      const stored = await store.open(id);
      const ids = await stored.readIds();
      await this.#withModel(`Opening “${stored.record.name}”`, signal, async (gpu, chat) => {
        const { name, facts, held, numChars, keyWindow, isKept } = stored.record;
        expectModel(stored.record, chat.id, chat.model.kvFormat);
        const prompt = new DocumentPrompt(chat.tokenizer, chat.template);
        const open = new OpenDocument(document, { name, facts, held, numChars, ids, prompt });
        open.keyWindow = keyWindow;
        open.stored = stored;
        await open.restore(gpu, chat);
        signal.throwIfAborted();
        this.#open = open;
        const { readTokens } = open;
        this.#post({ kind: "documentOpened", document, outline: outlineOf(open, gpu, chat), estimatedMs: null });
        if (isKept) this.#post({ kind: "documentKept", document, id, name });
        this.#post({ kind: readTokens === ids.length ? "documentRead" : "documentPaused", document, readTokens });
      });
    } catch (error) {
      if (!signal.aborted) this.#post({ kind: "documentFailed", document, failure: parseFailure(error) });
    }
  }

  #end(document: number): void {
    const open = this.#open;
    if (open?.number !== document || this.#readJob !== undefined || open.readTokens === 0) return;
    open.end();
    void this.#keeper.end(open);
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
    let said = "";
    let timeToFirstTokenMs: number | undefined;
    // On another GPU the answer begins anew, and comes out the same: what was told is not told again.
    const answer = async (gpu: Gpu, chat: ChatModel, signal: AbortSignal): Promise<void> => {
      const { endTokenIds } = chat;
      const options = { sampling: { ...NO_PENALTIES, ...sampling }, maxTokens, endTokenIds, signal };
      const chunks = open.ask(gpu, chat, question, options);
      let numChars = 0;
      let next = await chunks.next();
      for (; !next.done; next = await chunks.next()) {
        timeToFirstTokenMs ??= performance.now() - startTime;
        const text = next.value.text.slice(Math.max(0, said.length - numChars));
        numChars += next.value.text.length;
        if (text === "") continue;
        said += text;
        this.#post({ kind: "documentText", document, turn, ...next.value, text });
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
          await this.#host.run(async (gpu) => answer(gpu, await gpu.open(use, signal), signal), signal);
        } catch (error) {
          if (signal.aborted) return tellEnd("stopped");
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
    const free = async (): Promise<void> => {
      open.free(this.#host.gpu);
      if (!open.stored?.record.isKept) await this.#keeper.forget(open);
    };
    this.#queue.add({ part: "document", title: "Closing the document", run: free, skip: () => void free() });
  }

  #fail(open: OpenDocument, error: unknown): void {
    this.#readJob = undefined;
    if (this.#open === open) this.#open = undefined;
    this.#post({ kind: "documentFailed", document: open.number, failure: parseFailure(error) });
  }
}
