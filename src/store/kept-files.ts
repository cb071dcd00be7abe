// Files that the browser keeps from one visit to the next.

import { openCachedFiles } from "./cached-files.ts";
import { openPrivateFiles } from "./private-files.ts";

/** By name; each is there with all of its bytes or not at all, also when a tab is closed at any moment. Everything throws
 * what the browser's storage throws. */
export interface KeptFiles {
  /** undefined: there is none of that name. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Takes the place of an earlier one. Throws QuotaExceededError when the storage is full. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  delete(name: string): Promise<void>;
  /** Also of what was left half-written, under names that are never asked for. */
  names(): Promise<readonly string[]>;
}

/** The best storage that the browser offers here; undefined when it offers none, as in some private windows. */
export async function openKeptFiles(folder: string): Promise<KeptFiles | undefined> {
  for (const open of [openPrivateFiles, openCachedFiles]) {
    try {
      const files = await open(folder);
      if (files) return files;
    } catch {
      // Refused: the next may be allowed.
      continue;
    }
  }
  return undefined;
}
