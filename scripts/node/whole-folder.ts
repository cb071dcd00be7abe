// Writes a folder beside its place and puts it there at the end: it appears whole or not at all.

import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Calls `write` with an empty folder, which then replaces `folder`; when it throws, or a signal ends the program, nothing is left. */
export async function writeWholeFolder(folder: string, write: (partial: string) => Promise<void>): Promise<void> {
  const parent = dirname(folder);
  const [partial, previous] = ["partial", "previous"].map((state) => {
    return join(parent, `.${basename(folder)}.${state}-${process.pid}`);
  }) as [string, string];
  const firstMade = mkdirSync(parent, { recursive: true });
  const clear = () => {
    const left = existsSync(folder) ? [partial, previous] : [partial];
    for (const path of left) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    if (firstMade !== undefined) removeEmptyFolders(parent, firstMade);
  };
  const end = (signal: keyof typeof SIGNALS) => {
    clear();
    process.exit(128 + SIGNALS[signal]);
  };
  const signals = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const signal of signals) process.once(signal, end);
  try {
    await mkdir(partial);
    await write(partial);
    replaceFolder(folder, partial, previous);
  } finally {
    clear();
    for (const signal of signals) process.removeListener(signal, end);
  }
}

/** At once, so that no signal comes between: what was in `folder` is in `previous` then, if anything was. */
function replaceFolder(folder: string, partial: string, previous: string): void {
  const isThere = existsSync(folder);
  if (isThere) renameSync(folder, previous);
  try {
    renameSync(partial, folder);
  } catch (error) {
    if (isThere) renameSync(previous, folder);
    throw error;
  }
}

/** From `folder` up to `last`, or up to one that holds something. */
function removeEmptyFolders(folder: string, last: string): void {
  if (readdirSync(folder).length > 0) return;
  rmdirSync(folder);
  if (folder !== last) removeEmptyFolders(dirname(folder), last);
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
