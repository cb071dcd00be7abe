// The files of an exported model's folder, wherever they lie: on a disk, behind a network, in a browser's storage.

import { CheckpointError } from "./checkpoint-error.ts";
import type { HashedFile } from "./hashed-file.ts";

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the file that are here so far; fewer than before when it had to be begun anew. */
  readonly onBytes?: ((arrivedBytes: number) => void) | undefined;
}

export interface ModelFiles {
  /** All bytes of a file, checked by size and SHA-256; they are the caller's. Throws CheckpointError, and what reading
   * throws. */
  read(file: HashedFile, options?: ReadOptions): Promise<Uint8Array>;
  /** A JSON file of which nothing is known. Throws CheckpointError, and what reading throws. */
  readJson(name: string, signal?: AbortSignal): Promise<unknown>;
}

/** Throws CheckpointError that names the file. */
export function parseJson(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new CheckpointError(name, "", "expected JSON, got something else", { cause });
  }
}
