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
  getFile(): Promise<Pick<Blob, "arrayBuffer">>;
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
  const prototype = (globalThis as { FileSystemFileHandle?: { prototype: object } }).FileSystemFileHandle?.prototype;
  if (!prototype || !("createSyncAccessHandle" in prototype) || !("move" in prototype)) return undefined;
  if (typeof navigator.storage?.getDirectory !== "function") return undefined;
  const root = await navigator.storage.getDirectory();
  const weights = await root.getDirectoryHandle(ROOT, { create: true });
  const handle: unknown = await weights.getDirectoryHandle(folder, { create: true });
  return createPrivateFiles(handle as FolderHandle);
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

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  const access = await file.createSyncAccessHandle();
  try {
    access.truncate(0);
    for (let at = 0; at < bytes.length;) {
      const numWritten = access.write(bytes.subarray(at), { at });
      if (numWritten === 0) throw new Error(`storage: expected to take ${bytes.length} bytes, got stuck at ${at}`);
      at += numWritten;
    }
    access.flush();
  } finally {
    access.close();
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotFoundError";
}
