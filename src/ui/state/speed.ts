// How fast an answer is written, from what the worker counts.

import type { Turn } from "./conversation.ts";

/** Tokens per second between the first token and the last; null when there are not two. */
export function tokensPerSecond(generatedTokens: number, elapsedMs: number): number | null {
  return generatedTokens < 2 || elapsedMs <= 0 ? null : ((generatedTokens - 1) / elapsedMs) * 1000;
}

/** The speed of a turn as far as it is known now. */
export function speedOf(turn: Turn): number | null {
  const status = turn.status.value;
  if (status.state === "answering") return tokensPerSecond(status.generatedTokens, status.elapsedMs);
  if (status.state === "ended") return tokensPerSecond(status.timings.generatedTokens, status.timings.generateMs);
  return null;
}
