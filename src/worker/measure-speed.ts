// How fast a model reads, measured on the first tokens of a text, so that a time can be told before it is read.

import { isSoftwareAdapter } from "../gpu/adapter-name.ts";
import { isMemoryError } from "../gpu/memory-budget.ts";
import type { Model } from "../model/model.ts";
import type { Sequence } from "../model/sequence.ts";

export interface Speed {
  readonly msPerToken: number;
  /** The position where a token takes that long. */
  readonly at: number;
  /** How much longer a token takes for each token before it, as a share of what it takes at the beginning. */
  readonly growth: number;
  /** Of a text that is longer than this, more could have been measured. */
  readonly textLength: number;
}

export interface MeasureOptions {
  /** Where the growth cannot be measured within a moment, or the text is too short to tell it. */
  readonly assumedGrowth: number;
  /** Its reason is thrown as soon as a block is done. */
  readonly signal: AbortSignal;
}

type Timed = Pick<Speed, "msPerToken" | "at">;

/** A processor that plays GPU reads some tokens a second. So many are a tile of the kernels: fewer take as long. */
const SOFTWARE_TOKENS = 32;
/** On a GPU: as many blocks as take a moment, since a block alone takes longer than one among others. */
const MOMENT_MS = 100;
const MOST_BLOCKS = 16;
/** A GPU whose first block takes so long is not asked for another. */
const SLOW_BLOCK_MS = 1000;
/** Far from the beginning, where attention has more to look back to. */
const FAR_POSITION = 32_768;
const FAR_BLOCKS = 8;
const MOST_FAR_MS = 500;

export async function measureSpeed(model: Model, ids: Uint32Array, options: MeasureOptions): Promise<Speed> {
  const { assumedGrowth, signal } = options;
  if (isSoftwareAdapter(model.session.adapterInfo)) {
    const few = ids.subarray(0, SOFTWARE_TOKENS);
    const timed = await withSequence(model, few.length, (sequence) => time(sequence, 0, few, signal));
    return { ...timed, growth: assumedGrowth, textLength: few.length < SOFTWARE_TOKENS ? ids.length : Infinity };
  }
  const near = await measureNear(model, ids, MOST_BLOCKS, signal);
  const growth = await measureGrowth(model, ids, near, options);
  const isLongEnough = ids.length >= FAR_POSITION || near.msPerToken * model.blockSize > MOMENT_MS;
  return { ...near, growth, textLength: isLongEnough ? Infinity : ids.length };
}

async function measureNear(model: Model, ids: Uint32Array, numBlocks: number, signal: AbortSignal): Promise<Timed> {
  const { blockSize } = model;
  const most = ids.subarray(0, numBlocks * blockSize);
  try {
    return await withSequence(model, most.length, async (sequence) => {
      // Warms the GPU up.
      const first = await time(sequence, 0, most.subarray(0, blockSize), signal);
      if (first.msPerToken * blockSize > SLOW_BLOCK_MS) return first;
      for (let numTokens = blockSize; ; numTokens *= 2) {
        const timed = await time(sequence, 0, most.subarray(0, numTokens), signal);
        if (numTokens >= most.length || timed.msPerToken * numTokens > MOMENT_MS) return timed;
      }
    });
  } catch (error) {
    if (isMemoryError(error) && numBlocks > 1) return measureNear(model, ids, numBlocks / 2, signal);
    throw error;
  }
}

async function measureGrowth(
  model: Model,
  ids: Uint32Array,
  near: Timed,
  { assumedGrowth, signal }: MeasureOptions,
): Promise<number> {
  const blocks = ids.subarray(0, FAR_BLOCKS * model.blockSize);
  const position = Math.min(FAR_POSITION, ids.length);
  const expectedMs = blocks.length * near.msPerToken * (1 + assumedGrowth * position);
  if (assumedGrowth === 0 || position < 4 * near.at || expectedMs > MOST_FAR_MS) return assumedGrowth;
  try {
    return await withSequence(model, position + blocks.length, async (sequence) => {
      await time(sequence, position, blocks.subarray(0, model.blockSize), signal);
      const far = await time(sequence, position, blocks, signal);
      const slope = Math.max(0, far.msPerToken - near.msPerToken) / (far.at - near.at);
      const first = near.msPerToken - slope * near.at;
      return first > 0 ? slope / first : assumedGrowth;
    });
  } catch (error) {
    if (isMemoryError(error)) return assumedGrowth;
    throw error;
  }
}

/** Tokens that are read after `position` others, whatever these were: the time does not depend on them. */
async function time(sequence: Sequence, position: number, ids: Uint32Array, signal: AbortSignal): Promise<Timed> {
  if (position > 0) sequence.assume(position);
  else sequence.clear();
  const startTime = performance.now();
  await sequence.prefill(ids, { output: "none", signal });
  const elapsedMs = performance.now() - startTime;
  signal.throwIfAborted();
  return { msPerToken: elapsedMs / ids.length, at: position + ids.length / 2 };
}

async function withSequence<Result>(
  model: Model,
  numTokens: number,
  use: (sequence: Sequence) => Promise<Result>,
): Promise<Result> {
  const sequence = await model.createSequence(numTokens);
  try {
    return await use(sequence);
  } finally {
    sequence.destroy();
  }
}
