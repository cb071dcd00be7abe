// Runs `scripts/bench.ts` as a person would, in a process of its own.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll } from "vitest";
import { createFolder } from "../worker/made-up-folder.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface BenchRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runBench(...parameters: readonly string[]): Promise<BenchRun> {
  const child = spawn(process.execPath, ["--import", "tsx", join(ROOT, "scripts/bench.ts"), ...parameters], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((end, fail) => child.once("close", end).once("error", fail));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
}

/** A folder with an exported made-up model, removed after the file's tests; results may be written there too. */
export function useModelFolder(): () => string {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "relampago-bench-"));
    for (const [file, bytes] of await createFolder()) writeFileSync(join(folder, file), bytes);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  return () => folder;
}
