// The long document behind the protocol: what is open, and how it was opened. Reading it and answering about it are
// DocumentReader's and DocumentAnswers', the documents in storage DocumentShelf's.

import { DocumentPrompt } from "../document/document-prompt.ts";
import { DocumentError } from "../document/document-error.ts";
import { expectModel } from "../document/document-record.ts";
import { encodeDocument } from "../document/encode-document.ts";
import { readText } from "../document/read-text.ts";
import { readingMs } from "../document/reading-plan.ts";
import type { TextSource } from "../document/text-source.ts";
import type { ChatModel } from "../chat/chat-model.ts";
import type { FolderHandle } from "../store/private-files.ts";
import type { StorePorts } from "../store/weight-store.ts";
import { DocumentAnswers } from "./document-answers.ts";
import { DocumentKeeper } from "./document-keeper.ts";
import { describeSource, outlineOf } from "./document-outline.ts";
import { DocumentReader } from "./document-reader.ts";
import { DocumentShelf } from "./document-shelf.ts";
import { parseFailure } from "./failures.ts";
import type { Gpu, GpuHost } from "./gpu-host.ts";
import type { JobQueue } from "./job-queue.ts";
import type { DocumentRequest } from "./messages-document.ts";
import type { WorkerEvent } from "./messages.ts";
import type { ModelUse } from "./model-use.ts";
import { OpenDocument } from "./open-document.ts";
import { SpeedGauge } from "./speed-gauge.ts";

export class DocumentPart {
  readonly #host: GpuHost;
  readonly #queue: JobQueue;
  readonly #post: (event: WorkerEvent) => void;
  readonly #subject: () => ModelUse | undefined;
  readonly #shelf: DocumentShelf;
  readonly #keeper: DocumentKeeper;
  readonly #reader: DocumentReader;
  readonly #answers: DocumentAnswers;
  /** Of the document that is being opened, or is open. */
  #opening = new AbortController();
  #open: OpenDocument | undefined;
  readonly #never = new AbortController().signal;
  readonly #gauge = new SpeedGauge();

  /** @param subject the model that reads, if one is loaded */
  constructor(
    host: GpuHost,
    queue: JobQueue,
    post: (event: WorkerEvent) => void,
    subject: () => ModelUse | undefined,
    openFolder: () => Promise<FolderHandle | undefined>,
    locks: StorePorts["locks"],
  ) {
    this.#host = host;
    this.#queue = queue;
    this.#post = post;
    this.#subject = subject;
    const reader = async () => {
      const chat = await this.#withModel("Looking for kept documents", this.#never, async (_, opened) => opened).catch(
        (error: unknown) => {
          if (!(error instanceof DocumentError)) throw error;
          return undefined;
        },
      );
      return chat && { id: chat.id, kvFormat: chat.model.kvFormat };
    };
    this.#shelf = new DocumentShelf(post, openFolder, reader, locks);
    this.#keeper = new DocumentKeeper(post, this.#shelf);
    const fail = (open: OpenDocument, error: unknown) => this.#fail(open, error);
    const desk = { host, queue, post, subject, fail };
    this.#reader = new DocumentReader(desk, this.#keeper, this.#gauge);
    this.#answers = new DocumentAnswers(desk);
  }

  receive(request: DocumentRequest): void {
    const open = "document" in request && this.#open?.number === request.document ? this.#open : undefined;
    switch (request.kind) {
      case "openDocument":
        this.#close();
        return void this.#encode(request.document, request.source, this.#opening.signal);
      case "closeDocument":
        return this.#close();
      case "readDocument":
        return open && this.#reader.read(open, request.keyWindow);
      case "readDocumentAnew":
        return open && this.#reader.readAnew(open, request.keyWindow);
      case "pauseDocument":
        return this.#reader.pause();
      case "endDocument":
        return open && this.#reader.end(open);
      case "askDocument":
        return this.#answers.ask(open, request);
      case "keepDocument":
        return void (open && this.#keeper.keep(open, request.name));
      case "restoreDocument":
        this.#close();
        return void this.#restore(request.document, request.id, this.#opening.signal);
      case "listDocuments":
      case "renameDocument":
      case "deleteDocument":
      case "exportDocument":
      case "importDocument":
        return this.#shelf.receive(request);
      case "stopDocumentAnswer":
        return this.#answers.stop(request.turn);
    }
  }

  /** What a job with the model gives; undefined when there is no model, or the signal ended it. DocumentError when the job
   * was cancelled in the queue. */
  #withModel<Result>(
    title: string,
    signal: AbortSignal,
    work: (gpu: Gpu, chat: ChatModel, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result | undefined> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        if (signal.aborted) resolve(undefined);
        else reject(new DocumentError(`${title}: cancelled`));
      };
      this.#queue.add({
        part: "document",
        title,
        run: async (jobSignal) => {
          const use = this.#subject();
          const either = AbortSignal.any([jobSignal, signal]);
          if (!use) return resolve(undefined);
          if (either.aborted) return cancel();
          await this.#host
            .run(async (gpu) => work(gpu, await gpu.open(use, either), either), either)
            .then(resolve, (error: unknown) => (either.aborted ? cancel() : reject(error)));
        },
        skip: cancel,
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
    await this.#withModel("Measuring the reading speed", signal, async (gpu, chat, jobSignal) => {
      const { ids } = open.text;
      const { msPerToken, at, growth } = await this.#gauge.speedFor(gpu, chat, ids, jobSignal);
      signal.throwIfAborted();
      this.#open = open;
      const estimatedMs = readingMs(growth, msPerToken, at, 0, ids.length, null);
      const outline = outlineOf(open, gpu, chat);
      this.#post({ kind: "documentOpened", document: open.number, outline, estimatedMs, earlier: null });
    });
  }

  async #restore(document: number, id: string, signal: AbortSignal): Promise<void> {
    const { claims } = this.#shelf;
    let isClaimed = false;
    let restored: OpenDocument | undefined;
    try {
      const store = await this.#shelf.store();
      if (!store) throw new DocumentError("storage: expected a kept document, got no storage");
      await claims.claim(id, (await store.record(id)).name);
      isClaimed = true;
      const stored = await store.open(id);
      const ids = await stored.readIds();
      await this.#withModel(`Opening “${stored.record.name}”`, signal, async (gpu, chat) => {
        const { name, facts, held, numChars, isKept } = stored.record;
        expectModel(stored.record, chat.id, chat.model.kvFormat);
        const prompt = new DocumentPrompt(chat.tokenizer, chat.template);
        const open = (restored = new OpenDocument(document, { name, facts, held, numChars, ids, prompt }));
        await open.restore(gpu, chat, stored);
        signal.throwIfAborted();
        this.#open = open;
        isClaimed = false;
        const { readTokens } = open;
        const earlier = { keyWindow: open.keyWindow, points: open.record.points };
        const outline = outlineOf(open, gpu, chat);
        this.#post({ kind: "documentOpened", document, outline, estimatedMs: null, earlier });
        if (isKept) this.#post({ kind: "documentKept", document, id, name });
        if (readTokens === ids.length) this.#post({ kind: "documentRead", document, readTokens });
        else this.#post({ kind: "documentPaused", document, readTokens, isFull: false });
      });
    } catch (error) {
      if (!signal.aborted) this.#post({ kind: "documentFailed", document, failure: parseFailure(error) });
    } finally {
      // Not opened after all.
      if (isClaimed) {
        restored?.free(this.#host.gpu);
        claims.release(id);
      }
    }
  }

  /** What is on the GPU is freed once the jobs that use it have ended. */
  #close(): void {
    this.#opening.abort();
    this.#opening = new AbortController();
    this.#reader.pause();
    this.#answers.stopAll();
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    const free = async (): Promise<void> => {
      open.free(this.#host.gpu);
      await this.#keeper.letGo(open);
    };
    this.#queue.add({ part: "document", title: "Closing the document", run: free, skip: () => void free() });
  }

  #fail(open: OpenDocument, error: unknown): void {
    if (this.#open === open) this.#open = undefined;
    this.#reader.pause();
    this.#answers.stopAll();
    open.free(this.#host.gpu);
    // What was saved stays, as when a tab is closed.
    if (open.stored) this.#shelf.claims.release(open.stored.record.id);
    open.stored = undefined;
    this.#post({ kind: "documentFailed", document: open.number, failure: parseFailure(error) });
  }
}
