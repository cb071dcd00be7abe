// A script finds its GPU from a bare environment, and stands for itself whether or not it had to start again.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { findGpuEnvironment, GPU_READY } from "../../scripts/node/gpu-environment.ts";

const SCRIPT = resolve(import.meta.dirname, "gpu-script.ts");
const GPU_VARIABLES = [GPU_READY, "LD_LIBRARY_PATH", "VK_ICD_FILENAMES", "VK_DRIVER_FILES", "XDG_RUNTIME_DIR"];

function startScript(variables: Record<string, string> = {}): ChildProcess {
  const env: NodeJS.ProcessEnv = { ...process.env, ...variables };
  for (const name of GPU_VARIABLES) delete env[name];
  return spawn(process.execPath, ["--import", "tsx", SCRIPT, "two words", "--flag"], { env });
}

test("a script gets an adapter, its arguments, its input and its exit code", async () => {
  const child = startScript();
  const output = text(child.stdout!);
  child.stdin!.end("typed\n");
  const [code] = (await once(child, "exit")) as [number];
  const [found, typed] = (await output).split("\n");
  const { description, arguments: given } = JSON.parse(found!) as { description: string; arguments: string[] };
  expect(description).not.toBe("");
  expect(given).toEqual(["two words", "--flag"]);
  expect(typed).toBe("typed");
  expect(code).toBe(7);
});

test("an interrupt reaches the script", async () => {
  const child = startScript();
  await once(child.stdout!, "data");
  child.kill("SIGINT");
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(9);
});

test("an adapter that nobody knows is refused", async () => {
  const child = startScript({ RELAMPAGO_ADAPTER: "imaginary" });
  const errors = await text(child.stderr!);
  expect(errors).toContain('RELAMPAGO_ADAPTER: expected "software" or nothing, got "imaginary"');
  expect(child.exitCode).not.toBe(0);
});

test("the environment says that it was found, so that no process looks again", () => {
  expect(findGpuEnvironment()[GPU_READY]).toBe("1");
});
