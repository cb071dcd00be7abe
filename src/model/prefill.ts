// Reads known ids in blocks of the model's block size: for a draw from the last one, for the loss, or for taps.

import { submitDispatches } from "../gpu/submit.ts";
import { expectLogitBias } from "../kernels/call.ts";
import type { Pass } from "./pass.ts";
import type { BlockOutput } from "./prefill-pass.ts";
import { ReadBack } from "./read-back.ts";
import type { SequenceCore } from "./sequence-core.ts";
import { type DrawOptions, NOTHING_DRAWN } from "./step-buffer.ts";
import { TapReader, type Taps } from "./taps.ts";

export interface ReadOptions {
  /** Reading ends at the next block boundary. */
  readonly signal?: AbortSignal | undefined;
  /** Called as blocks are done, with the tokens read so far in this call. */
  readonly onProgress?: ((numTokens: number) => void) | undefined;
  /** With `output: "loss"`, called after each block: -log p(id | the ids before it) in nats of each id that the block's
   * tokens predicted. The last block predicts one id less than it has. */
  readonly onLosses?: ((losses: Float64Array) => void) | undefined;
}

/** What a prefill gives, by what it computes at the end of each block. `undefined`: the signal ended it before. */
export interface PrefillResults {
  /** The token drawn after the last id. */
  last: number | undefined;
  /** Nothing but true: no token is pending. */
  none: true | undefined;
  /** Sum of -log p(id | the ids before it) in nats, over all ids but the first. */
  loss: number | undefined;
  /** Every tapped tensor of every token. */
  taps: Taps | undefined;
}

/** Blocks that may be queued before the first is done. */
const BLOCKS_IN_FLIGHT = 2;

/** The token drawn after the last id, which is pending then. */
export async function prefillLast(
  core: SequenceCore,
  given: ArrayLike<number>,
  options: DrawOptions & ReadOptions,
): Promise<number | undefined> {
  expectLogitBias(options.sampling.logitBias, core.model.config.vocabSize);
  const ids = expectIds(core, given);
  const [body, last] = await Promise.all([passFor(core, ids, "none"), passFor(core, ids, "last")]);
  const isComplete = await readBlocks(core, ids, options, options, async (block, isLast) => {
    submitDispatches(core.model.session, (isLast ? last : body).dispatches, block.length, {
      maxDispatches: core.model.prefillPace.maxDispatches,
      ...(isLast ? { finish: (encoder: GPUCommandEncoder) => core.step.copyHead(encoder) } : {}),
    });
  });
  if (!isComplete) return undefined;
  core.pendingToken = await core.step.readDrawn();
  return core.pendingToken;
}

/** Reads without a draw. */
export async function prefillNone(
  core: SequenceCore,
  given: ArrayLike<number>,
  options: ReadOptions,
): Promise<true | undefined> {
  const { session, prefillPace } = core.model;
  const ids = expectIds(core, given);
  const pass = await passFor(core, ids, "none");
  const isComplete = await readBlocks(core, ids, NOTHING_DRAWN, options, async (block) => {
    submitDispatches(session, pass.dispatches, block.length, { maxDispatches: prefillPace.maxDispatches });
  });
  return isComplete || undefined;
}

export async function prefillLoss(
  core: SequenceCore,
  given: ArrayLike<number>,
  options: ReadOptions,
): Promise<number | undefined> {
  const { session, activations, blockSize } = core.model;
  const { buffer, offsetBytes } = activations.lossStats;
  const ids = expectIds(core, given);
  const pass = await passFor(core, ids, "loss");
  const readBack = new ReadBack(session, "loss read back", blockSize * 16);
  let loss = 0;
  let numRead = 0;
  const isComplete = await readBlocks(core, ids, NOTHING_DRAWN, options, async (block) => {
    const sizeBytes = block.length * 16;
    submitDispatches(session, pass.dispatches, block.length, {
      maxDispatches: core.model.prefillPace.maxDispatches,
      finish: (encoder) => readBack.copy(encoder, [{ buffer, offsetBytes, sizeBytes }]),
    });
    const stats = new Float32Array(await readBack.read(sizeBytes));
    const numPredicted = Math.min(block.length, ids.length - 1 - numRead);
    const losses = Float64Array.from({ length: numPredicted }, (_, token) => {
      return stats[4 * token]! + Math.log(stats[4 * token + 1]!) - stats[4 * token + 2]!;
    });
    numRead += block.length;
    loss = losses.reduce((sum, value) => sum + value, loss);
    options.onLosses?.(losses);
  });
  readBack.destroy();
  return isComplete ? loss : undefined;
}

export async function prefillTaps(
  core: SequenceCore,
  given: ArrayLike<number>,
  options: ReadOptions,
): Promise<Taps | undefined> {
  const { session, blockSize } = core.model;
  const ids = expectIds(core, given);
  const pass = await passFor(core, ids, "taps");
  const reader = new TapReader(session, pass.tapPoints, blockSize);
  const isComplete = await readBlocks(core, ids, NOTHING_DRAWN, options, async (block) => {
    submitDispatches(session, pass.dispatches, block.length, { taps: reader.taps(block.length) });
    await reader.collect(block.length);
  });
  const taps = reader.close();
  return isComplete ? taps : undefined;
}

/** Writes what a block needs and has `submit` queue it, block after block; false when the signal ended it. */
async function readBlocks(
  core: SequenceCore,
  ids: Uint32Array,
  draw: DrawOptions,
  { signal, onProgress }: ReadOptions,
  submit: (block: Uint32Array, isLast: boolean) => Promise<void>,
): Promise<boolean> {
  const { session, blockSize, prefillPace } = core.model;
  const inFlight: Promise<void>[] = [];
  let lastDoneMs = 0;
  core.pendingToken = undefined;
  core.pipeline.forgetCheckpoints();
  for (let start = 0, end = 0; start < ids.length; start = end) {
    if (signal?.aborted) return false;
    end = start + nextLength(ids.length - start, blockSize);
    const block = ids.subarray(start, end);
    core.writeCall(block.length, draw);
    core.step.write(core.position, ids.subarray(start, end + 1));
    core.state.kvCache.noteWrites(core.position, block.length);
    const submittedMs = performance.now();
    const numBefore = session.counters.dispatches;
    const submitted = submit(block, end >= ids.length);
    const numDispatches = session.counters.dispatches - numBefore;
    const done = session.device.queue.onSubmittedWorkDone().then(() => {
      const now = performance.now();
      prefillPace.adapt(numDispatches, now - Math.max(submittedMs, lastDoneMs));
      lastDoneMs = now;
    });
    await submitted;
    core.advance(block);
    const numRead = end;
    inFlight.push(done.then(() => onProgress?.(numRead)));
    if (inFlight.length >= BLOCKS_IN_FLIGHT) await inFlight.shift();
  }
  await Promise.all(inFlight);
  return true;
}

/** A whole block, or one less where a single token would be left: in a log a block of one is a token that was decoded. */
function nextLength(numLeft: number, blockSize: number): number {
  const length = Math.min(blockSize, numLeft);
  return numLeft - length === 1 && length > 2 ? length - 1 : length;
}

/** The ids as words; RangeError unless the model has them all. */
function expectIds(core: SequenceCore, ids: ArrayLike<number>): Uint32Array {
  const { vocabSize } = core.model.config;
  if (ids.length === 0) throw new RangeError("prefill: expected at least one id, got none");
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index]!;
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      throw new RangeError(`prefill: expected ids below ${vocabSize}, got ${id}`);
    }
  }
  return ids instanceof Uint32Array ? ids : Uint32Array.from(ids);
}

async function passFor(core: SequenceCore, ids: Uint32Array, output: BlockOutput): Promise<Pass> {
  await core.reserve(core.position + ids.length);
  return core.pass(output);
}
