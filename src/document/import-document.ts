// A document that was exported to a file, put into storage again. Every byte is checked before the record is written.

import type { FolderHandle } from "../store/private-files.ts";
import { createPrivateFiles, writeFrom } from "../store/private-files.ts";
import { DocumentError } from "./document-error.ts";
import { type DocumentRecord, type HashedBytes, parseRecord } from "./document-record.ts";
import { EXPORT_MAGIC, expectBytes, layersOf } from "./document-store.ts";

const MAX_HEADER_BYTES = 64 * 2 ** 20;

/** Gives its id here. Throws DocumentError for a file that is none, or is damaged; nothing is left of it then. */
export async function importDocument(folder: FolderHandle, file: Blob): Promise<string> {
  const files = createPrivateFiles(folder);
  const { record, offset } = await readHeader(file);
  const id = crypto.randomUUID();
  const written: string[] = [];
  let at = offset;
  const copy = async (name: string, parts: readonly HashedBytes[]): Promise<void> => {
    const fullName = `${id}.${name}`;
    written.push(fullName);
    const handle = await folder.getFileHandle(fullName, { create: true });
    let numWritten = 0;
    for (const part of parts) {
      const bytes = new Uint8Array(await file.slice(at, at + part.sizeBytes).arrayBuffer());
      await expectBytes(bytes, part, record.name);
      await writeFrom(handle, numWritten, [bytes]);
      numWritten += bytes.length;
      at += bytes.length;
    }
  };
  try {
    await copy("tokens", [record.tokens]);
    for (const { numTokens, state } of record.snapshots) await copy(`state.${numTokens}`, [state]);
    for (const layer of layersOf(record.keyParts)) {
      await copy(
        `keys.${layer}`,
        record.keyParts.filter((part) => part.layer === layer),
      );
    }
    const kept: DocumentRecord = { ...record, id, isKept: true };
    await files.write(`${id}.json`, new TextEncoder().encode(JSON.stringify(kept)));
    return id;
  } catch (error) {
    for (const name of written) await files.delete(name);
    throw error;
  }
}

async function readHeader(file: Blob): Promise<{ readonly record: DocumentRecord; readonly offset: number }> {
  const start = new Uint8Array(await file.slice(0, EXPORT_MAGIC.length + 4).arrayBuffer());
  const isOurs = start.length === EXPORT_MAGIC.length + 4 && EXPORT_MAGIC.every((byte, index) => start[index] === byte);
  if (!isOurs) throw new DocumentError("file: expected a document that was exported here, got another file");
  const length = new DataView(start.buffer).getUint32(EXPORT_MAGIC.length, true);
  if (length > MAX_HEADER_BYTES) throw new DocumentError(`file: expected a header, got one of ${length} bytes`);
  const offset = start.length + length;
  const text = await file.slice(start.length, offset).text();
  return { record: parseRecord("file", text), offset };
}
