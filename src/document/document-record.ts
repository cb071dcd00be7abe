// What is written down of a document in storage: everything but its tokens and its state. The record names what is good;
// whatever else lies in the files was left by a tab that was closed.

import type { KeyWindow } from "../kernels/key-window.ts";
import { NewerSchemaError, type Schema, upgrade } from "../stored/schema.ts";
import type { HiddenFact } from "./chronicle.ts";
import { DocumentError } from "./document-error.ts";
import type { ReadingPoint } from "./reading-record.ts";

export const DOCUMENT_SCHEMA: Schema = {
  name: "document",
  migrations: [(measuredNothing) => ({ ...measuredNothing, points: [] })],
};

export interface HashedBytes {
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Keys of one softmax layer, which follow those before in the layer's file. */
export interface KeyPart extends HashedBytes {
  readonly layer: number;
}

/** A state to go on from. */
export interface SavedSnapshot {
  readonly numTokens: number;
  /** Lengths of the blocks in which they were read. */
  readonly blockLengths: readonly number[];
  /** How many of the record's key parts are its own. */
  readonly numKeyParts: number;
  readonly state: HashedBytes;
}

export interface DocumentRecord {
  readonly schemaVersion: number;
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  /** Kept documents stay; others are there to go on with after a closed tab. */
  readonly isKept: boolean;
  readonly modelId: string;
  readonly modelName: string;
  readonly kvFormat: string;
  readonly keyWindow: KeyWindow | null;
  readonly numTokens: number;
  readonly numChars: number;
  /** Text after the last end of a word, which is read with each question. */
  readonly held: string;
  readonly facts: readonly HiddenFact[];
  /** Measured while it was read. */
  readonly points: readonly ReadingPoint[];
  readonly tokens: HashedBytes;
  readonly keyParts: readonly KeyPart[];
  /** The newest last. */
  readonly snapshots: readonly SavedSnapshot[];
}

/** In the form of now. Throws DocumentError for a record that a later version of this page wrote, and for none. */
export function parseRecord(file: string, text: string): DocumentRecord {
  let record: Partial<DocumentRecord>;
  try {
    record = upgrade(DOCUMENT_SCHEMA, JSON.parse(text));
  } catch (cause) {
    const got = cause instanceof NewerSchemaError ? "one that a later version of this page wrote" : "something else";
    throw new DocumentError(`${file}: expected a kept document, got ${got}; it stays as it is`, { cause });
  }
  const lists = [record.keyParts, record.snapshots, record.facts, record.points];
  if (typeof record.id !== "string" || !lists.every(Array.isArray) || typeof record.tokens?.sizeBytes !== "number") {
    throw new DocumentError(`${file}: expected the fields of a document, got others`);
  }
  return record as DocumentRecord;
}

/** Bytes of all that the record names. */
export function sizeOf({ tokens, keyParts, snapshots }: DocumentRecord): number {
  const parts = [tokens, ...keyParts, ...snapshots.map(({ state }) => state)];
  return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Tokens that were read, as far as was saved. */
export function readTokensOf({ snapshots }: DocumentRecord): number {
  return snapshots.at(-1)?.numTokens ?? 0;
}

/** Throws DocumentError when a state of another model, or of another form, would be put into this one. */
export function expectModel(record: DocumentRecord, modelId: string, kvFormat: string): void {
  if (record.modelId !== modelId) {
    throw new DocumentError(`${record.name}: expected the model ${record.modelName} that read it, got another one`);
  }
  if (record.kvFormat !== kvFormat) {
    throw new DocumentError(`${record.name}: expected keys in ${record.kvFormat}, got a model that keeps ${kvFormat}`);
  }
}

/** Which of `snapshots` stay when there are more than `limit`: the newest always, and of the others those that leave the
 * smallest gaps. */
export function thinOut<Snapshot extends { readonly numTokens: number }>(
  snapshots: readonly Snapshot[],
  limit: number,
): readonly Snapshot[] {
  const kept = [...snapshots];
  while (kept.length > limit) {
    const gapWithout = (index: number): number => kept[index + 1]!.numTokens - (kept[index - 1]?.numTokens ?? 0);
    let best = 0;
    for (let index = 1; index < kept.length - 1; index++) if (gapWithout(index) < gapWithout(best)) best = index;
    kept.splice(best, 1);
  }
  return kept;
}
