// Reads a log again: its own blocks through prefill, decoded ids through decode. On the same GPU that gives the same
// numbers, so that a text goes on as if nothing had been.

import { submitDispatches } from "../gpu/submit.ts";
import type { ReadOptions } from "./prefill.ts";
import type { SequenceCore } from "./sequence-core.ts";
import { NOTHING_DRAWN } from "./step-buffer.ts";
import type { SequenceLog } from "./token-log.ts";

/** Decode steps that are queued before the GPU is waited for. */
const STEPS_IN_FLIGHT = 16;

/** See Sequence.reread. */
export async function reread(
  core: SequenceCore,
  { tokenIds, blockLengths }: SequenceLog,
  pendingToken: number | undefined,
  { signal, onProgress }: ReadOptions,
): Promise<true | undefined> {
  const { session, prefillPace, blockSize } = core.model;
  const blocks = [...blockLengths].flatMap((length) => cut(length, blockSize));
  await core.reserve(core.position + tokenIds.length);
  const [read, readAndDraw, decode] = await Promise.all([core.pass("none"), core.pass("last"), core.pass("decode")]);
  core.state.kvCache.noteWrites(core.position, tokenIds.length);
  core.pendingToken = undefined;
  core.pipeline.forgetCheckpoints();
  let start = 0;
  let numQueued = 0;
  for (const [index, length] of blocks.entries()) {
    if (signal?.aborted) return undefined;
    const block = tokenIds.subarray(start, start + length);
    const next = start + length < tokenIds.length ? tokenIds[start + length] : pendingToken;
    // Between two blocks nothing was drawn, or what the second block holds.
    const wasDrawn = length === 1 || (blocks[index + 1] ?? 1) === 1;
    const pass = length === 1 ? decode : wasDrawn && next !== undefined ? readAndDraw : read;
    core.writeCall(length, NOTHING_DRAWN);
    core.step.write(core.position, block, wasDrawn ? next : undefined);
    submitDispatches(session, pass.dispatches, length, { maxDispatches: prefillPace.maxDispatches });
    core.advance(block);
    start += length;
    numQueued += 1;
    if (length > 1 || numQueued >= STEPS_IN_FLIGHT) {
      await session.device.queue.onSubmittedWorkDone();
      numQueued = 0;
      onProgress?.(start);
    }
  }
  core.pendingToken = pendingToken;
  onProgress?.(start);
  return true;
}

/** A model with smaller blocks than those of the log reads more of them. */
function cut(length: number, blockSize: number): number[] {
  const numBlocks = Math.ceil(length / blockSize);
  return Array.from({ length: numBlocks }, (_, index) => Math.min(blockSize, length - index * blockSize));
}
