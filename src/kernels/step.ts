// The `step` buffer: what changes with every token. Field order is that of shaders/common/step.wgsl.

import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";

export const NO_TOKEN = 0xffffffff;
export const RECENT_TOKENS = 64;
/** Words before token_ids: position, num_drawn, done, forced_token, recent_tokens. */
export const STEP_HEAD_WORDS = 4 + RECENT_TOKENS;

export interface StepHead {
  readonly position: number;
  readonly numDrawn: number;
  readonly done: boolean;
  /** Chosen token number n at n % RECENT_TOKENS. */
  readonly recentTokens: Uint32Array;
}

/** Room for the ids of a block of up to `blockSize` tokens. */
export function createStep(session: GpuSession, label: string, blockSize: number): Tensor {
  return session.createStorage(label, "activations", [STEP_HEAD_WORDS + blockSize]);
}

/** Sets the position, clears what was drawn, and puts a block's ids in place; the sampler takes `forcedToken` if given. */
export function writeStep(
  session: GpuSession,
  step: Tensor,
  position: number,
  tokenIds: ArrayLike<number>,
  forcedToken = NO_TOKEN,
): void {
  const words = new Uint32Array(STEP_HEAD_WORDS + tokenIds.length);
  words.set([position, 0, 0, forcedToken], 0);
  words.set(tokenIds, STEP_HEAD_WORDS);
  session.device.queue.writeBuffer(step.buffer, step.offsetBytes, words);
}

export function parseStepHead(words: Uint32Array): StepHead {
  return {
    position: words[0]!,
    numDrawn: words[1]!,
    done: words[2] !== 0,
    recentTokens: words.slice(4, STEP_HEAD_WORDS),
  };
}
