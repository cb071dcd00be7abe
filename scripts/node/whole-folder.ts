// Writes a folder beside its place and puts it there at the end: it appears whole or not at all.

import { rmSync } from "node:fs";
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Calls `write` with an empty folder, which then replaces `folder`; when it throws, or a signal ends the program, nothing is left. */
export async function writeWholeFolder(folder: string, write: (partial: string) => Promise<void>): Promise<void> {
  const parent = dirname(folder);
  const partial = join(parent, `.${basename(folder)}.partial-${process.pid}`);
  const firstMade = await mkdir(parent, { recursive: true });
  const end = (signal: keyof typeof SIGNALS) => {
    rmSync(partial, { recursive: true, force: true, maxRetries: 3 });
    process.exit(128 + SIGNALS[signal]);
  };
  const signals = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const signal of signals) process.once(signal, end);
  try {
    await mkdir(partial);
    await write(partial);
    await replaceFolder(folder, partial);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (firstMade !== undefined) await removeEmptyFolders(parent, firstMade);
    throw error;
  } finally {
    for (const signal of signals) process.removeListener(signal, end);
  }
}

async function replaceFolder(folder: string, partial: string): Promise<void> {
  const previous = join(dirname(folder), `.${basename(folder)}.previous-${process.pid}`);
  const isThere = (await listFolder(folder)) !== undefined;
  if (isThere) await rename(folder, previous);
  try {
    await rename(partial, folder);
  } catch (error) {
    if (isThere) await rename(previous, folder);
    throw error;
  }
  await rm(previous, { recursive: true, force: true });
}

/** From `folder` up to `last`. */
async function removeEmptyFolders(folder: string, last: string): Promise<void> {
  await rmdir(folder);
  if (folder !== last) await removeEmptyFolders(dirname(folder), last);
}

/** Names of what is in a folder; undefined where there is nothing. */
export async function listFolder(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
