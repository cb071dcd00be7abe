// How a command that uses the GPU ends: what the person can mend in one line, mistakes in the code with their stack.

import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { UnsupportedGpuError } from "../../src/gpu/session.ts";

/** Runs a command and ends the process: Dawn's threads may crash in a slow ending. */
export async function runCommand(command: () => Promise<void>): Promise<never> {
  try {
    await command();
    process.exit(0);
  } catch (error) {
    console.error(isExpected(error) ? error.message : error);
    process.exit(1);
  }
}

/** Wrong options are TypeErrors and RangeErrors of the form "<thing>: expected x, got y"; other ones are mistakes. */
function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const isKnown = [CheckpointError, UnsupportedGpuError].some((kind) => error instanceof kind);
  return isKnown || error.constructor === Error || error.message.includes(": expected ");
}
