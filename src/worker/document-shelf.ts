// The documents that the browser keeps, behind the protocol: what there is, under which names, and files to take away.

import { DocumentError } from "../document/document-error.ts";
import { expectModel, readTokensOf, sizeOf } from "../document/document-record.ts";
import type { DocumentRecord } from "../document/document-record.ts";
import { DocumentStore } from "../document/document-store.ts";
import { importDocument } from "../document/import-document.ts";
import type { FolderHandle } from "../store/private-files.ts";
import type { StorePorts } from "../store/weight-store.ts";
import { DocumentClaims } from "./document-claims.ts";
import { parseFailure } from "./failures.ts";
import type { DocumentRequest, KeptDocument } from "./messages-document.ts";
import type { WorkerEvent } from "./messages.ts";

export type ShelfRequest = Extract<
  DocumentRequest,
  { kind: "listDocuments" | "renameDocument" | "deleteDocument" | "exportDocument" | "importDocument" }
>;

/** What a document must have been read by to be of use. */
export interface Reader {
  readonly id: string;
  readonly kvFormat: string;
}

/** Documents that nobody wished to keep stay so long, to go on with after a closed tab. */
const UNKEPT_MS = 24 * 3600 * 1000;

export class DocumentShelf {
  readonly claims: DocumentClaims;
  readonly #post: (event: WorkerEvent) => void;
  readonly #folder: Promise<FolderHandle | undefined>;
  readonly #reader: () => Promise<Reader | undefined>;
  /** One request after another. */
  #queue: Promise<void> = Promise.resolve();

  /** @param reader the model that is loaded, if one is */
  constructor(
    post: (event: WorkerEvent) => void,
    openFolder: () => Promise<FolderHandle | undefined>,
    reader: () => Promise<Reader | undefined>,
    locks: StorePorts["locks"],
  ) {
    this.claims = new DocumentClaims(locks);
    this.#post = post;
    // Refused in some private windows: then nothing is kept.
    this.#folder = openFolder().catch(() => undefined);
    this.#reader = reader;
  }

  /** undefined: the browser offers no storage here. */
  async store(): Promise<DocumentStore | undefined> {
    const folder = await this.#folder;
    return folder && new DocumentStore(folder);
  }

  receive(request: ShelfRequest): void {
    this.#queue = this.#queue
      .then(() => this.#answer(request))
      .catch((error: unknown) => this.#post({ kind: "documentProblem", message: parseFailure(error).message }));
  }

  async #answer(request: ShelfRequest): Promise<void> {
    const [store, folder] = await Promise.all([this.store(), this.#folder]);
    if (!store || !folder) return this.#post({ kind: "documentList", documents: null });
    switch (request.kind) {
      case "listDocuments":
        break;
      case "renameDocument":
        await this.#change(store, request.id, () => store.rename(request.id, request.name));
        break;
      case "deleteDocument":
        await this.#change(store, request.id, () => store.delete(request.id));
        break;
      case "exportDocument": {
        const stored = await store.open(request.id);
        const content = await stored.export();
        return this.#post({ kind: "documentExported", name: stored.record.name, content });
      }
      case "importDocument":
        await importDocument(folder, request.file);
    }
    await this.#tellList(store);
  }

  async #change(store: DocumentStore, id: string, change: () => Promise<void>): Promise<void> {
    // Without a record it is nobody's.
    const name = await store.record(id).then(
      (record) => record.name,
      (error: unknown) => {
        if (error instanceof DocumentError) return id;
        throw error;
      },
    );
    await this.claims.during(id, name, change);
  }

  async #tellList(store: DocumentStore): Promise<void> {
    const reader = await this.#reader();
    const refusals: string[] = [];
    const records = await store.list(({ message }) => refusals.push(message));
    const isOver = ({ isKept, createdMs }: DocumentRecord) => !isKept && Date.now() - createdMs > UNKEPT_MS;
    for (const { id, name } of records.filter(isOver)) {
      // One that another page still reads stays.
      await this.claims
        .during(id, name, () => store.delete(id))
        .catch((error: unknown) => {
          if (!(error instanceof DocumentError)) throw error;
        });
    }
    const documents = records.filter((record) => !isOver(record)).map((record) => describeRecord(record, reader));
    this.#post({ kind: "documentList", documents });
    for (const message of refusals) this.#post({ kind: "documentProblem", message });
  }
}

function describeRecord(record: DocumentRecord, reader: Reader | undefined): KeptDocument {
  const { id, name, createdMs, numTokens, modelName, keyWindow, isKept } = record;
  let fitsModel = reader !== undefined;
  try {
    if (reader) expectModel(record, reader.id, reader.kvFormat);
  } catch {
    fitsModel = false;
  }
  const [readTokens, sizeBytes] = [readTokensOf(record), sizeOf(record)];
  return { id, name, createdMs, numTokens, readTokens, modelName, fitsModel, keyWindow, isKept, sizeBytes };
}
