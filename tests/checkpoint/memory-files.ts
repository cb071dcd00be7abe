// The files of an exported model in memory.

import type { HashedFile } from "../../src/checkpoint/hashed-file.ts";

/** Reads whole files; `read` takes the name of each. */
export function readFrom(files: ReadonlyMap<string, Uint8Array>, read: string[] = []) {
  return {
    read: ({ file }: HashedFile): Promise<Uint8Array> => {
      read.push(file);
      return Promise.resolve(files.get(file)!.slice());
    },
  };
}
