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
}

interface Timed {
  readonly msPerToken: number;
  readonly at: number;
}

/** A processor that plays GPU reads some tokens a second. */
const SOFTWARE_TOKENS = 16;
/** On a GPU: as many blocks as take a moment, since a block alone takes longer than one among others. */
const MOMENT_MS = 100;
const MOST_BLOCKS = 16;
/** Far from the beginning, where attention has more to look back to. */
const FAR_POSITION = 32_768;
const FAR_BLOCKS = 4;
const MOST_FAR_MS = 500;

/** @param assumedGrowth where it cannot be measured within a moment, or the text is too short for it to matter */
export async function measureSpeed(
  model: Model,
  ids: Uint32Array,
  assumedGrowth: number,
  isSoftware = isSoftwareAdapter(model.session.adapterInfo),
): Promise<Speed> {
  if (isSoftware) {
    const few = ids.subarray(0, SOFTWARE_TOKENS);
    const timed = await withSequence(model, few.length, (sequence) => time(sequence, 0, few));
    return { ...timed, growth: assumedGrowth };
  }
  const near = await measureNear(model, ids);
  const growth = await measureGrowth(model, ids, near, assumedGrowth);
  return { ...near, growth };
}

async function measureNear(model: Model, ids: Uint32Array): Promise<Timed> {
  const { blockSize } = model;
  const most = ids.subarray(0, MOST_BLOCKS * blockSize);
  return withSequence(model, most.length, async (sequence) => {
    // Warms the GPU up.
    await time(sequence, 0, most.subarray(0, blockSize));
    for (let numTokens = blockSize; ; numTokens *= 2) {
      const timed = await time(sequence, 0, most.subarray(0, numTokens));
      if (numTokens >= most.length || timed.msPerToken * numTokens > MOMENT_MS) return timed;
    }
  });
}

async function measureGrowth(model: Model, ids: Uint32Array, near: Timed, assumedGrowth: number): Promise<number> {
  const block = ids.subarray(0, FAR_BLOCKS * model.blockSize);
  const position = Math.min(FAR_POSITION, ids.length);
  const expectedMs = block.length * near.msPerToken * (1 + assumedGrowth * position);
  if (assumedGrowth === 0 || position < 8 * near.at || expectedMs > MOST_FAR_MS) return assumedGrowth;
  try {
    return await withSequence(model, position + block.length, async (sequence) => {
      await time(sequence, position, block.subarray(0, model.blockSize));
      const far = await time(sequence, position, block);
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
async function time(sequence: Sequence, position: number, ids: Uint32Array): Promise<Timed> {
  if (position > 0) sequence.assume(position);
  else sequence.clear();
  const startTime = performance.now();
  await sequence.prefill(ids, { output: "none" });
  return { msPerToken: (performance.now() - startTime) / ids.length, at: position + ids.length / 2 };
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
