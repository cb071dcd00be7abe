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
  /** 1: off. */
  readonly repetitionPenalty: number;
  /** 0: off. */
  readonly frequencyPenalty: number;
  /** 0: off. */
  readonly presencePenalty: number;
  /** Unsigned 32 bits. */
  readonly seed: number;
}

export const GREEDY: Sampling = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
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
const CALL_WORDS = 20;

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
  words[10] = call.endTokenIds.length;
  words.set(call.endTokenIds, 12);
  session.device.queue.writeBuffer(uniform.buffer, uniform.offsetBytes, words);
}
