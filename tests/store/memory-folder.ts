// A folder of the private file system in memory, which fills up, fails and is left in the middle as a test wants it.

import type { FolderHandle, SyncAccessHandle } from "../../src/store/private-files.ts";

/** What survives a tab. */
export interface MemoryDisk {
  readonly files: Map<string, Uint8Array>;
  quotaBytes: number;
}

export function createDisk(): MemoryDisk {
  return { files: new Map(), quotaBytes: Infinity };
}

/** The tab was closed: nothing that it began goes on. */
export class ClosedTabError extends Error {}

/** @param numSteps what the tab does before it is closed, in the middle of the step after */
export function openFolder(disk: MemoryDisk, numSteps = Infinity): FolderHandle {
  const { files } = disk;
  let numDone = 0;
  const step = (halfDone: () => void = () => {}) => {
    numDone += 1;
    if (numDone === numSteps + 1) halfDone();
    if (numDone > numSteps) throw new ClosedTabError();
  };
  const locked = new Set<string>();

  const openAccess = (name: string): SyncAccessHandle => {
    step();
    if (locked.has(name)) throw new DOMException("another has it open", "NoModificationAllowedError");
    locked.add(name);
    let isFlushed = true;
    const put = (bytes: Uint8Array, at: number) => {
      isFlushed = false;
      const before = files.get(name)!;
      const after = new Uint8Array(Math.max(before.length, at + bytes.length));
      after.set(before);
      after.set(bytes, at);
      const usedBytes = [...files.values()].reduce((sum, file) => sum + file.length, 0) - before.length;
      if (usedBytes + after.length > disk.quotaBytes) throw new DOMException("no space", "QuotaExceededError");
      files.set(name, after);
    };
    return {
      truncate: (sizeBytes) => {
        step();
        files.set(name, files.get(name)!.slice(0, sizeBytes));
      },
      // Takes at most so much at once, as a real one may.
      write: (bytes, { at }) => {
        const part = bytes.subarray(0, Math.ceil(bytes.length / 2));
        step(() => put(part.subarray(0, part.length / 2), at));
        put(part, at);
        return part.length;
      },
      flush: () => {
        step();
        isFlushed = true;
      },
      close: () => {
        locked.delete(name);
        // Nobody promised to keep it.
        if (!isFlushed) files.set(name, files.get(name)!.slice(0, -1));
      },
    };
  };

  return {
    getFileHandle: async (name, options) => {
      step();
      if (!files.has(name)) {
        if (!options?.create) throw new DOMException(`${name} is not there`, "NotFoundError");
        files.set(name, new Uint8Array(0));
      }
      return {
        getFile: async () => new Blob([files.get(name)!.slice()]),
        createSyncAccessHandle: async () => openAccess(name),
        move: async (newName) => {
          step();
          files.set(newName, files.get(name)!);
          files.delete(name);
        },
      };
    },
    removeEntry: async (name) => {
      step();
      if (!files.delete(name)) throw new DOMException(`${name} is not there`, "NotFoundError");
    },
    keys: async function* () {
      step();
      yield* [...files.keys()];
    },
  };
}
