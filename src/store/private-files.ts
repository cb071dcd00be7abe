// Kept files in the origin private file system: written beside their place and moved there. For workers only: sync access
// handles, which every browser has, exist nowhere else.

import type { KeptFiles } from "./kept-files.ts";

/** What is used of FileSystemDirectoryHandle. */
export interface FolderHandle {
  getFileHandle(name: string, options?: { readonly create?: boolean }): Promise<FileHandle>;
  removeEntry(name: string): Promise<void>;
  keys(): AsyncIterable<string>;
}

/** What is used of FileSystemFileHandle; TypeScript's library does not know all of it. */
export interface FileHandle {
  getFile(): Promise<Blob>;
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
  move(name: string): Promise<void>;
}

export interface SyncAccessHandle {
  truncate(sizeBytes: number): void;
  /** Bytes that were written. */
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  flush(): void;
  close(): void;
}

const ROOT = "weights";
const PART_SUFFIX = ".part";

/** undefined: the browser has no such file system. Throws what it throws, SecurityError in some private windows. */
export async function openPrivateFiles(folder: string): Promise<KeptFiles | undefined> {
  const handle = await openPrivateFolder([ROOT, folder]);
  return handle && createPrivateFiles(handle);
}

/** A folder, made if it is not there; otherwise as openPrivateFiles. */
export async function openPrivateFolder(path: readonly string[]): Promise<FolderHandle | undefined> {
  const prototype = (globalThis as { FileSystemFileHandle?: { prototype: object } }).FileSystemFileHandle?.prototype;
  if (!prototype || !("createSyncAccessHandle" in prototype) || !("move" in prototype)) return undefined;
  if (typeof navigator.storage?.getDirectory !== "function") return undefined;
  let folder = await navigator.storage.getDirectory();
  for (const name of path) folder = await folder.getDirectoryHandle(name, { create: true });
  return folder as unknown as FolderHandle;
}

/** One writer per name at a time is the caller's to see to. */
export function createPrivateFiles(folder: FolderHandle): KeptFiles {
  return {
    read: async (name) => {
      try {
        const file = await (await folder.getFileHandle(name)).getFile();
        return new Uint8Array(await file.arrayBuffer());
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    write: async (name, bytes) => {
      const partName = name + PART_SUFFIX;
      try {
        const part = await folder.getFileHandle(partName, { create: true });
        await writeAll(part, bytes);
        await part.move(name);
      } catch (error) {
        // It is not the first error's concern if this one fails too: the part's name is never asked for.
        await folder.removeEntry(partName).catch(() => undefined);
        throw error;
      }
    },
    delete: async (name) => {
      try {
        await folder.removeEntry(name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
    names: async () => {
      const names: string[] = [];
      for await (const name of folder.keys()) names.push(name);
      return names;
    },
  };
}

function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  return writeFrom(file, 0, [bytes]);
}

/** Cuts a file off at `offset` and writes what follows. */
export async function writeFrom(file: FileHandle, offset: number, parts: Iterable<Uint8Array>): Promise<void> {
  const access = await file.createSyncAccessHandle();
  try {
    access.truncate(offset);
    for (const bytes of parts) {
      for (let start = 0; start < bytes.length;) {
        const numWritten = access.write(bytes.subarray(start), { at: offset + start });
        if (numWritten === 0) throw new Error(`storage: expected to take ${bytes.length} bytes, got stuck at ${start}`);
        start += numWritten;
      }
      offset += bytes.length;
    }
    access.flush();
  } finally {
    access.close();
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotFoundError";
}
