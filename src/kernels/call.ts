// The one uniform: what is constant for a call. Field order is that of shaders/common/call.wgsl.

import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** How the sampler chooses; the neutral value switches a filter off. */
export interface Sampling {
  /** 0: greedy. */
  readonly temperature: number;
  /** 0: off. */
  readonly topK: number;
  /** 1: off. */
  readonly topP: number;
  /** 0: off. */
  readonly minP: number;
  /** Divides the logit, or multiplies it if negative, of every token of the text so far: prompt and answer, as in
   * Transformers and vLLM. 1: off. */
  readonly repetitionPenalty: number;
  /** Subtracted for each time that a token stands in the answer; those of the prompt, in which earlier answers are, do
   * not count, as in OpenAI's API and vLLM. 0: off. */
  readonly frequencyPenalty: number;
  /** Subtracted once if a token stands in the answer, as frequencyPenalty. 0: off. */
  readonly presencePenalty: number;
  /** Added to logits before the penalties, as in vLLM; at most MAX_LOGIT_BIASES. */
  readonly logitBias: readonly LogitBias[];
  /** Unsigned 32 bits. */
  readonly seed: number;
}

export interface LogitBias {
  readonly tokenId: number;
  /** From -100 to 100, as in OpenAI's API: the ends all but forbid or force a token. */
  readonly bias: number;
}

export const GREEDY: Sampling = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: [],
  seed: 0,
};

export interface Call {
  readonly numTokens: number;
  readonly numSegments: number;
  readonly sampling: Sampling;
  /** At most MAX_END_TOKENS ids. */
  readonly endTokenIds: readonly number[];
}

export const MAX_END_TOKENS = 8;
export const MAX_LOGIT_BIASES = 16;
const LARGEST_LOGIT_BIAS = 100;
const END_TOKENS_WORD = 12;
const BIAS_IDS_WORD = END_TOKENS_WORD + MAX_END_TOKENS;
const BIASES_WORD = BIAS_IDS_WORD + MAX_LOGIT_BIASES;
const CALL_WORDS = BIASES_WORD + MAX_LOGIT_BIASES;

/** Throws a RangeError for what the sampler cannot take: ids outside the vocabulary or given twice, too many, no number. */
export function expectLogitBias(logitBias: readonly LogitBias[], vocabSize: number): void {
  if (logitBias.length > MAX_LOGIT_BIASES) {
    throw new RangeError(`logitBias: expected at most ${MAX_LOGIT_BIASES} tokens, got ${logitBias.length}`);
  }
  const seen = new Set<number>();
  for (const { tokenId, bias } of logitBias) {
    if (!Number.isInteger(tokenId) || tokenId < 0 || tokenId >= vocabSize) {
      throw new RangeError(`logitBias: expected token ids from 0 to ${vocabSize - 1}, got ${tokenId}`);
    }
    if (seen.has(tokenId)) throw new RangeError(`logitBias: expected each token once, got ${tokenId} twice`);
    if (!(Math.abs(bias) <= LARGEST_LOGIT_BIAS)) {
      const range = `-${LARGEST_LOGIT_BIAS} to ${LARGEST_LOGIT_BIAS}`;
      throw new RangeError(`logitBias of token ${tokenId}: expected a number from ${range}, got ${bias}`);
    }
    seen.add(tokenId);
  }
}

export function createCallUniform(session: GpuSession): Tensor {
  return session.createUniform("call", CALL_WORDS);
}

export function writeCall(session: GpuSession, uniform: Tensor, call: Call): void {
  if (call.endTokenIds.length > MAX_END_TOKENS) {
    throw new RangeError(`endTokenIds: expected at most ${MAX_END_TOKENS}, got ${call.endTokenIds.length}`);
  }
  const words = new Uint32Array(CALL_WORDS);
  const floats = new Float32Array(words.buffer);
  const { sampling } = call;
  words.set([call.numTokens, call.numSegments, sampling.seed, sampling.topK], 0);
  floats.set([sampling.temperature, sampling.topP, sampling.minP, sampling.repetitionPenalty], 4);
  floats.set([sampling.frequencyPenalty, sampling.presencePenalty], 8);
  words.set([call.endTokenIds.length, sampling.logitBias.length], 10);
  words.set(call.endTokenIds, END_TOKENS_WORD);
  for (const [index, { tokenId, bias }] of sampling.logitBias.entries()) {
    words[BIAS_IDS_WORD + index] = tokenId;
    floats[BIASES_WORD + index] = bias;
  }
  session.device.queue.writeBuffer(uniform.buffer, uniform.offsetBytes, words);
}
