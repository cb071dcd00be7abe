// Documents in the browser's private storage, so that none has to be read twice. Keys are appended to one file for each softmax
// layer, which a document's snapshots share; a record that is replaced as a whole says how much of everything is good, so
// that a tab may be closed at any moment.

import { hashHex } from "../checkpoint/hashed-file.ts";
import type { Sequence } from "../model/sequence.ts";
import { type KeyRows, readFixedState, readKeys, writeState } from "../model/state-bytes.ts";
import type { KeptFiles } from "../store/kept-files.ts";
import { createPrivateFiles, type FolderHandle, isNotFound, writeFrom } from "../store/private-files.ts";
import { versionOf } from "../stored/schema.ts";
import { DocumentError } from "./document-error.ts";
import {
  DOCUMENT_SCHEMA,
  type DocumentRecord,
  type HashedBytes,
  type KeyPart,
  parseRecord,
  type SavedSnapshot,
  thinOut,
} from "./document-record.ts";
import type { ReadingPoint } from "./reading-record.ts";

const MAX_SNAPSHOTS = 8;
const RECORD_SUFFIX = ".json";

/** What a record begins with. */
export type NewDocument = Omit<
  DocumentRecord,
  "schemaVersion" | "id" | "isKept" | "tokens" | "keyParts" | "snapshots" | "numTokens" | "points"
>;

export class DocumentStore {
  readonly #folder: FolderHandle;
  readonly #files: KeptFiles;

  constructor(folder: FolderHandle) {
    this.#folder = folder;
    this.#files = createPrivateFiles(folder);
  }

  /** All documents, the newest first.
   * @param onRefused hears of each record that cannot be read, which stays where it is */
  async list(onRefused?: (error: DocumentError) => void): Promise<readonly DocumentRecord[]> {
    const names = (await this.#files.names()).filter((name) => name.endsWith(RECORD_SUFFIX));
    const records = await Promise.all(
      names.map((name) =>
        this.record(name.slice(0, -RECORD_SUFFIX.length)).catch((error: unknown) => {
          if (!(error instanceof DocumentError)) throw error;
          onRefused?.(error);
          return undefined;
        }),
      ),
    );
    return records.filter((record) => record !== undefined).toSorted((a, b) => b.createdMs - a.createdMs);
  }

  /** Throws DocumentError when there is none of this id. */
  async record(id: string): Promise<DocumentRecord> {
    const bytes = await this.#files.read(id + RECORD_SUFFIX);
    if (!bytes) throw new DocumentError(`document ${id}: expected it in storage, got none`);
    return parseRecord(id + RECORD_SUFFIX, new TextDecoder().decode(bytes));
  }

  /** Writes a document of which nothing is read yet. */
  async create(document: NewDocument, ids: Uint32Array): Promise<StoredDocument> {
    const id = crypto.randomUUID();
    const bytes = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
    await this.#files.write(`${id}.tokens`, bytes);
    const record: DocumentRecord = {
      ...document,
      schemaVersion: versionOf(DOCUMENT_SCHEMA),
      id,
      isKept: false,
      numTokens: ids.length,
      tokens: await hashBytes(bytes),
      points: [],
      keyParts: [],
      snapshots: [],
    };
    await this.#writeRecord(record);
    return this.#stored(record);
  }

  async open(id: string): Promise<StoredDocument> {
    return this.#stored(await this.record(id));
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#writeRecord({ ...(await this.record(id)), name });
  }

  /** The record goes first: what is left behind when the tab is closed then is no document any more. */
  async delete(id: string): Promise<void> {
    const names = (await this.#files.names()).filter(
      (name) => name.startsWith(`${id}.`) && name !== id + RECORD_SUFFIX,
    );
    await this.#files.delete(id + RECORD_SUFFIX);
    for (const name of names) await this.#files.delete(name);
  }

  /** Deletes files of which no record tells. */
  async sweep(): Promise<void> {
    const names = await this.#files.names();
    const known = new Set(names.filter((name) => name.endsWith(RECORD_SUFFIX)).map((name) => name.split(".")[0]));
    for (const name of names) if (!known.has(name.split(".")[0])) await this.#files.delete(name);
  }

  #stored(record: DocumentRecord): StoredDocument {
    return new StoredDocument(this.#folder, this.#files, record, (next) => this.#writeRecord(next));
  }

  #writeRecord(record: DocumentRecord): Promise<void> {
    return this.#files.write(record.id + RECORD_SUFFIX, new TextEncoder().encode(JSON.stringify(record)));
  }
}

/** One document in storage. One tab writes it at a time. */
export class StoredDocument {
  readonly #folder: FolderHandle;
  readonly #files: KeptFiles;
  readonly #writeRecord: (record: DocumentRecord) => Promise<void>;
  #record: DocumentRecord;

  constructor(
    folder: FolderHandle,
    files: KeptFiles,
    record: DocumentRecord,
    writeRecord: (record: DocumentRecord) => Promise<void>,
  ) {
    this.#folder = folder;
    this.#files = files;
    this.#record = record;
    this.#writeRecord = writeRecord;
  }

  get record(): DocumentRecord {
    return this.#record;
  }

  /** Changes what a person may change of it. */
  async change(change: Partial<Pick<DocumentRecord, "name" | "isKept" | "numTokens" | "held">>): Promise<void> {
    await this.#replace({ ...this.#record, ...change });
  }

  /** The ids of the whole text. Throws DocumentError when they are not what was written. */
  async readIds(): Promise<Uint32Array<ArrayBuffer>> {
    const { name, tokens, numTokens } = this.#record;
    const bytes = await this.#readPart(this.#fileName("tokens"), 0, tokens, name);
    return new Uint32Array(bytes.buffer, 0, bytes.length / 4).slice(0, numTokens);
  }

  /** Saves the state of a sequence that stands further in the text than the newest snapshot, with what was measured until
   * there. Waits for the GPU; the sequence is not to be used meanwhile. */
  async save(sequence: Sequence, points: readonly ReadingPoint[]): Promise<void> {
    const { keyParts, snapshots } = this.#record;
    const numTokens = sequence.position;
    const fromTokens = snapshots.at(-1)?.numTokens ?? 0;
    if (numTokens <= fromTokens) return;
    const blockLengths = [...sequence.log.blockLengths];
    const state = await readFixedState(sequence);
    const added: KeyPart[] = [];
    for await (const { layer, bytes } of readKeys(sequence, fromTokens, numTokens)) {
      const offset = offsetOf([...keyParts, ...added], layer);
      const file = await this.#folder.getFileHandle(this.#fileName(`keys.${layer}`), { create: true });
      await writeFrom(file, offset, [bytes]);
      added.push({ layer, ...(await hashBytes(bytes)) });
    }
    await this.#files.write(this.#fileName(`state.${numTokens}`), state);
    const parts = [...keyParts, ...added];
    const snapshot: SavedSnapshot = {
      numTokens,
      blockLengths,
      numKeyParts: parts.length,
      state: await hashBytes(state),
    };
    const kept = thinOut([...snapshots, snapshot], MAX_SNAPSHOTS);
    const told = points.filter((point) => point.numTokens <= numTokens);
    await this.#replace({ ...this.#record, points: told, keyParts: parts, snapshots: kept });
    for (const old of snapshots) {
      if (!kept.includes(old)) await this.#files.delete(this.#fileName(`state.${old.numTokens}`));
    }
  }

  /** Puts the newest snapshot whose bytes are good into a sequence; gives the tokens that it then has, 0 when there is no
   * good one. */
  async load(sequence: Sequence, ids: Uint32Array): Promise<number> {
    const { keyParts, snapshots, name } = this.#record;
    for (const snapshot of snapshots.toReversed()) {
      const { numTokens, blockLengths, numKeyParts, state } = snapshot;
      try {
        const fixedState = await this.#readPart(this.#fileName(`state.${numTokens}`), 0, state, name);
        const log = { tokenIds: ids.slice(0, numTokens), blockLengths: Uint32Array.from(blockLengths) };
        const keys = this.#readKeys(keyParts.slice(0, numKeyParts));
        await writeState(sequence, { log, pendingToken: undefined, fixedState, keys });
        return numTokens;
      } catch (error) {
        // An older one may be whole; what follows it is read again.
        if (!(error instanceof DocumentError || error instanceof RangeError)) throw error;
      }
    }
    sequence.clear();
    return 0;
  }

  /** The whole document as one file: the record, the tokens, the newest state, and the keys layer by layer. */
  async export(): Promise<Blob> {
    const { keyParts, snapshots } = this.#record;
    const newest = snapshots.slice(-1);
    const header = new TextEncoder().encode(JSON.stringify({ ...this.#record, snapshots: newest }));
    const names = [
      "tokens",
      ...newest.map(({ numTokens }) => `state.${numTokens}`),
      ...layersOf(keyParts).map((layer) => `keys.${layer}`),
    ];
    const files = await Promise.all(
      names.map(async (name) => (await this.#folder.getFileHandle(this.#fileName(name))).getFile()),
    );
    const sizes = [
      this.#record.tokens.sizeBytes,
      ...newest.map(({ state }) => state.sizeBytes),
      ...layersOf(keyParts).map((layer) => offsetOf(keyParts, layer)),
    ];
    const bodies = files.map((file, index) => file.slice(0, sizes[index]));
    return new Blob([EXPORT_MAGIC, Uint32Array.of(header.length), header, ...bodies]);
  }

  async *#readKeys(parts: readonly KeyPart[]): AsyncGenerator<KeyRows, void> {
    const offsets = new Map<number, number>();
    for (const part of parts) {
      const offset = offsets.get(part.layer) ?? 0;
      const bytes = await this.#readPart(this.#fileName(`keys.${part.layer}`), offset, part, this.#record.name);
      offsets.set(part.layer, offset + part.sizeBytes);
      yield { layer: part.layer, bytes };
    }
  }

  async #readPart(file: string, offset: number, part: HashedBytes, name: string): Promise<Uint8Array<ArrayBuffer>> {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      const whole = await (await this.#folder.getFileHandle(file)).getFile();
      bytes = new Uint8Array(await whole.slice(offset, offset + part.sizeBytes).arrayBuffer());
    } catch (cause) {
      if (!isNotFound(cause)) throw cause;
      throw new DocumentError(`${name}: expected ${file} in storage, got none`, { cause });
    }
    await expectBytes(bytes, part, name);
    return bytes;
  }

  async #replace(record: DocumentRecord): Promise<void> {
    await this.#writeRecord(record);
    this.#record = record;
  }

  #fileName(what: string): string {
    return `${this.#record.id}.${what}`;
  }
}

export const EXPORT_MAGIC = new TextEncoder().encode("RELAMPAGO DOCUMENT 1\n\0\0\0");

export function layersOf(parts: readonly KeyPart[]): readonly number[] {
  return [...new Set(parts.map(({ layer }) => layer))];
}

/** Bytes of a layer's parts together. */
export function offsetOf(parts: readonly KeyPart[], layer: number): number {
  return parts.reduce((sum, part) => sum + (part.layer === layer ? part.sizeBytes : 0), 0);
}

export async function hashBytes(bytes: Uint8Array): Promise<HashedBytes> {
  return { sizeBytes: bytes.length, sha256: await hashHex(bytes) };
}

/** Throws DocumentError unless they are the bytes that were written. */
export async function expectBytes(bytes: Uint8Array, { sizeBytes, sha256 }: HashedBytes, name: string): Promise<void> {
  if (bytes.length !== sizeBytes) {
    throw new DocumentError(`${name}: expected ${sizeBytes} bytes, got ${bytes.length}: it is damaged`);
  }
  const digest = await hashHex(bytes);
  if (digest !== sha256) throw new DocumentError(`${name}: expected SHA-256 ${sha256}, got ${digest}: it is damaged`);
}
