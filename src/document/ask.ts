// An answer to a question about the document that a sequence has read. The sequence is left where the answer ends: who asks
// takes it back to the document.

import type { StopReason, TextChunk, TurnEnd } from "../chat/turn.ts";
import type { Sampling } from "../kernels/call.ts";
import type { Sequence } from "../model/sequence.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

export interface AskOptions {
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly endTokenIds: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** Reads the question's ids and streams the answer. */
export async function* ask(
  sequence: Sequence,
  tokenizer: Tokenizer,
  questionIds: readonly number[],
  { sampling, maxTokens, endTokenIds, signal }: AskOptions,
): AsyncGenerator<TextChunk, TurnEnd> {
  const startTime = performance.now();
  const timings = { promptTokens: questionIds.length, promptMs: 0, generatedTokens: 0, generateMs: 0 };
  const tokenIds: number[] = [];
  const decoder = tokenizer.createDecoder();
  const draw = { sampling, endTokenIds };
  const end = (reason: StopReason): TurnEnd => ({ reason, timings, tokenIds });
  const first = await sequence.prefill(questionIds, { output: "last", ...draw, signal });
  const firstTime = performance.now();
  timings.promptMs = firstTime - startTime;
  if (first === undefined) return end("stopped");
  let token = first;
  const rest = sequence.generate(draw, maxTokens - 1);
  try {
    for (;;) {
      const isEnd = endTokenIds.includes(token);
      tokenIds.push(token);
      const elapsedMs = performance.now() - firstTime;
      Object.assign(timings, { generatedTokens: tokenIds.length, generateMs: elapsedMs });
      const isLast = isEnd || tokenIds.length >= maxTokens || signal?.aborted === true;
      const text = (isEnd ? "" : decoder.push(token)) + (isLast ? decoder.end() : "");
      if (text !== "") yield { text, generatedTokens: tokenIds.length, elapsedMs };
      if (isEnd) return end("eos");
      if (tokenIds.length >= maxTokens) return end("length");
      if (signal?.aborted) return end("stopped");
      const next = await rest.next();
      if (next.done) return end("stopped");
      token = next.value;
    }
  } finally {
    await rest.return();
  }
}
