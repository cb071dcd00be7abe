// A text of any length through one model: memory, time and loss block by block, then what a written token takes after so
// many tokens.

import { GREEDY } from "../kernels/call.ts";
import type { Sequence } from "../model/sequence.ts";
import { type Contender, createPacedSequence, RUN_STEPS, sizeOf, usedBy } from "./contender.ts";
import type { RaceLane, ReadPoint, WritePoint } from "./race-result.ts";

export interface RaceOptions {
  /** Where writing is timed, after the text was read; ascending. */
  readonly writeAt: readonly number[];
  /** Timed runs of RUN_STEPS steps at each position. */
  readonly writeRuns: number;
  /** Ends it soon, with what there is. */
  readonly signal?: AbortSignal | undefined;
  readonly onRead?: ((point: ReadPoint) => void) | undefined;
  readonly onWrite?: ((point: WritePoint) => void) | undefined;
}

const WARM_UP_MS = 500;
/** Read at once meanwhile; a slow GPU has enough of them. */
const WARM_UP_BLOCKS = 4;

const DRAW = { sampling: GREEDY, endTokenIds: [] };

/** Reads `ids` on a sequence of its own, which is gone afterwards. */
export async function runLane(contender: Contender, ids: readonly number[], options: RaceOptions): Promise<RaceLane> {
  const sequence = await createPacedSequence(contender, ids.length + RUN_STEPS);
  try {
    await warmUp(sequence, ids);
    const reads: ReadPoint[] = [];
    const isRead = await readText(contender, sequence, ids, options, reads);
    const writes: WritePoint[] = [];
    for (const position of isRead ? options.writeAt : []) {
      if (options.signal?.aborted) break;
      const point = { position, msPerToken: await timeWriting(sequence, position, options.writeRuns) };
      writes.push(point);
      options.onWrite?.(point);
    }
    return {
      name: contender.name,
      stateSize: sizeOf(contender),
      blockSize: contender.model.blockSize,
      reads,
      writes,
      isComplete: isRead && writes.length === options.writeAt.length,
    };
  } finally {
    sequence.destroy();
  }
}

/** Runs every kernel, since some drivers compile them no sooner, and has the GPU at work for a while: one that was idle takes
 * its time to reach its speed, and the first lane would pay for it. */
async function warmUp(sequence: Sequence, ids: readonly number[]): Promise<void> {
  const startMs = performance.now();
  do {
    sequence.clear();
    await sequence.prefill(ids.slice(0, WARM_UP_BLOCKS * sequence.model.blockSize), { output: "loss" });
  } while (performance.now() - startMs < WARM_UP_MS);
  await timeRun(sequence, Math.min(ids.length, sequence.model.blockSize));
  sequence.clear();
}

/** False when the signal ended it. */
async function readText(
  contender: Contender,
  sequence: Sequence,
  ids: readonly number[],
  { signal, onRead }: RaceOptions,
  reads: ReadPoint[],
): Promise<boolean> {
  const startMs = performance.now();
  let blockStartMs = startMs;
  const blocks: { readonly ms: number; readonly endMs: number; readonly loss: number | null }[] = [];
  const loss = await sequence.prefill(ids, {
    output: "loss",
    signal,
    onLosses: (losses) => {
      const endMs = performance.now();
      const sum = losses.reduce((total, value) => total + value, 0);
      blocks.push({ ms: endMs - blockStartMs, endMs, loss: losses.length === 0 ? null : sum / losses.length });
      blockStartMs = endMs;
    },
    // The ledger knows of a block once it is part of the text, which is after its losses were told.
    onProgress: (position) => {
      const { ms, endMs, loss: blockLoss } = blocks[reads.length]!;
      const numTokens = position - (reads.at(-1)?.position ?? 0);
      const point = {
        position,
        used: usedBy(contender),
        msPerToken: ms / numTokens,
        elapsedMs: endMs - startMs,
        loss: blockLoss,
      };
      reads.push(point);
      onRead?.(point);
    },
  });
  return loss !== undefined;
}

/** The median of several runs; what time a step takes does not depend on what is drawn. */
async function timeWriting(sequence: Sequence, position: number, runs: number): Promise<number> {
  await timeRun(sequence, position);
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await timeRun(sequence, position));
  times.sort((a, b) => a - b);
  const middle = (runs - 1) / 2;
  return (times[Math.floor(middle)]! + times[Math.ceil(middle)]!) / 2 / RUN_STEPS;
}

async function timeRun(sequence: Sequence, position: number): Promise<number> {
  sequence.assume(position);
  const startMs = performance.now();
  for await (const _ of sequence.generate(DRAW, RUN_STEPS));
  return performance.now() - startMs;
}
