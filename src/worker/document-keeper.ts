// Writes what is read of an open document into the browser's storage, where there is any. Storage that is full, or fails, is
// no reason to stop reading: the page is told.

import type { ChatModel } from "../chat/chat-model.ts";
import { DocumentError } from "../document/document-error.ts";
import type { DocumentShelf } from "./document-shelf.ts";
import { parseFailure } from "./failures.ts";
import type { Gpu } from "./gpu-host.ts";
import type { WorkerEvent } from "./messages.ts";
import type { OpenDocument } from "./open-document.ts";

export class DocumentKeeper {
  readonly #post: (event: WorkerEvent) => void;
  readonly #shelf: DocumentShelf;

  constructor(post: (event: WorkerEvent) => void, shelf: DocumentShelf) {
    this.#post = post;
    this.#shelf = shelf;
  }

  /** Gives the document a place, before its first snapshot. */
  async begin(open: OpenDocument, { id: modelId, name: modelName, model }: ChatModel): Promise<void> {
    const store = open.stored ? undefined : await this.#shelf.store();
    if (!store) return;
    const { name, facts, held, numChars, ids } = open.text;
    const { keyWindow } = open;
    const { kvFormat } = model;
    const createdMs = Date.now();
    try {
      const document = { name, facts, held, numChars, keyWindow, modelId, modelName, kvFormat, createdMs };
      const stored = await store.create(document, ids);
      await this.#shelf.claims.claim(stored.record.id, name);
      open.stored = stored;
    } catch (error) {
      this.#tell(error, open);
    }
  }

  /** Writes a snapshot; the sequence stands where the reading does. */
  async save(open: OpenDocument, gpu: Gpu): Promise<void> {
    try {
      await open.save(gpu);
    } catch (error) {
      if (!isStorageError(error)) throw error;
      this.#tell(error, open);
      // What is kept stays as it was saved last.
      if (!open.stored?.record.isKept) await this.#forget(open);
    }
  }

  /** From now on it is there at the next visit. */
  async keep(open: OpenDocument, name: string): Promise<void> {
    try {
      const { stored } = open;
      if (!stored) throw new DocumentError("storage: expected a place for the document, got none");
      await stored.change({ isKept: true, name });
      this.#post({ kind: "documentKept", document: open.number, id: stored.record.id, name });
    } catch (error) {
      this.#post({ kind: "documentProblem", message: parseFailure(error).message });
    }
  }

  /** The document is what was read of it. */
  async end(open: OpenDocument): Promise<void> {
    const { stored, readTokens, text } = open;
    try {
      await stored?.change({ numTokens: readTokens, held: text.held });
    } catch (error) {
      this.#tell(error, open);
    }
  }

  /** Deletes what was written of it, unless it is kept. */
  async letGo(open: OpenDocument): Promise<void> {
    if (!open.stored?.record.isKept) return this.#forget(open);
    this.#shelf.claims.release(open.stored.record.id);
    open.stored = undefined;
  }

  async #forget(open: OpenDocument): Promise<void> {
    const id = open.stored?.record.id;
    open.stored = undefined;
    if (id === undefined) return;
    try {
      await (await this.#shelf.store())?.delete(id);
    } catch (error) {
      this.#post({ kind: "documentProblem", message: parseFailure(error).message });
    } finally {
      this.#shelf.claims.release(id);
    }
  }

  #tell(error: unknown, { stored }: OpenDocument): void {
    const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
    const reason = isFull ? "it is full" : parseFailure(error).message;
    const message = stored?.record.isKept
      ? `The browser's storage takes no more of this document: ${reason}. What was kept before stays.`
      : `The browser's storage does not take this document: ${reason}. It is gone when the page is closed.`;
    this.#post({ kind: "documentProblem", message });
  }
}

/** What the browser's storage throws; these two are a GPU's that is lost while it is read. */
function isStorageError(error: unknown): boolean {
  return error instanceof DOMException && error.name !== "AbortError" && error.name !== "OperationError";
}
