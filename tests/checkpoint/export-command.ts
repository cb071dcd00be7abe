// Runs `scripts/export.ts` as a person would, in a process of its own, on folders made for the test.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { filesOf, type MadeCheckpoint } from "./made-checkpoint.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface ExportRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `onStarted` gets the process's id. */
export async function runExport(
  parameters: readonly string[],
  onStarted?: (id: number) => void,
  nodeOptions: readonly string[] = [],
): Promise<ExportRun> {
  const child = spawn(
    process.execPath,
    [...nodeOptions, "--import", "tsx", join(ROOT, "scripts/export.ts"), ...parameters],
    { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] },
  );
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr.push(text));
  onStarted?.(child.pid!);
  const status = await new Promise<number | null>((end, fail) => child.once("close", end).once("error", fail));
  return { status, stdout: stdout.join(""), stderr: stderr.join("") };
}

/** A folder for the file's tests, removed after them. */
export function useFolder(): () => string {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "relampago-export-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  return () => folder;
}

/** Writes a made checkpoint into a new folder and returns its path. */
export function writeCheckpoint(parent: string, name: string, checkpoint: MadeCheckpoint): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, bytes] of Object.entries(filesOf(checkpoint))) writeFileSync(join(folder, file), bytes);
  return folder;
}
