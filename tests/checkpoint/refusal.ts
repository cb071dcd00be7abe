import { expect } from "vitest";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";

/** The message of the CheckpointError that parsing throws. */
export function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return (error as CheckpointError).message;
  }
  return "accepted";
}
