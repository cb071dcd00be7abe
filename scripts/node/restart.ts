// Starts the running script again in a child process that stands in for it.

import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Runs this script again with more environment variables, and ends as it ends. */
export function restart(environment: Readonly<Record<string, string>>): Promise<never> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  // A terminal sends Ctrl-C to both processes; sent by another process it arrives here alone.
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on("SIGINT", () => {
    if (!hasTerminal) child.kill("SIGINT");
  });
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((_, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal!]));
  });
}
