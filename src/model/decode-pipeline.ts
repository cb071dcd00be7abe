// Keeps several runs of decode steps on the GPU's queue, so that it never waits for the CPU: each run feeds its tokens to
// itself, and tells them late. The state before each of the last runs is kept: tokens that went too far are undone from it.

import type { GpuSession } from "../gpu/session.ts";
import { submitDispatches } from "../gpu/submit.ts";
import { parseStepHead, RECENT_TOKENS, type StepHead } from "../kernels/step.ts";
import type { Pass } from "./pass.ts";
import { type BufferRange, ReadBack } from "./read-back.ts";

/** A run that was submitted. */
export interface DecodeRun {
  readonly numSteps: number;
  /** The step buffer's head after the run; waits for the GPU. */
  readonly head: Promise<StepHead>;
  readonly slot: Slot;
  readonly submittedMs: number;
}

/** What a run needs while it is in flight, and leaves behind. */
interface Slot {
  readonly readBack: ReadBack;
  /** Copies of the ranges as they were before the run. */
  readonly checkpoint: readonly GPUBuffer[];
  /** Tokens in the state of the checkpoint; undefined when it is not of the text as it is now. */
  position: number | undefined;
}

/** How many runs are in flight, and how many steps each has. */
export interface DecodePace {
  readonly depth: number;
  readonly steps: number;
}

/** Runs in flight on a fast GPU, and at most. */
const MAX_DEPTH = 3;
/** Steps of a run at most; the step buffer keeps the last 64 tokens. */
const MAX_RUN_STEPS = 16;
/** What a run should take: long enough to be worth a submit, short enough for a steady stream of text. */
const RUN_MS = 16;
/** Stop waits for all runs in flight: on a GPU whose single steps take longer than this, there is one. */
const SLOW_RUN_MS = 30;

/** One more than runs in flight: the run whose tokens are being told may still be undone. */
export function numCheckpoints(fixedPace?: DecodePace): number {
  return (fixedPace?.depth ?? MAX_DEPTH) + 1;
}

/** How many tokens back the oldest checkpoint may be. */
export function undoableTokens(fixedPace?: DecodePace): number {
  const { depth, steps } = fixedPace ?? { depth: MAX_DEPTH, steps: MAX_RUN_STEPS };
  return (depth + 1) * steps;
}

export class DecodePipeline {
  readonly #session: GpuSession;
  readonly #stepHead: BufferRange;
  readonly #ranges: readonly BufferRange[];
  readonly #slots: readonly Slot[];
  readonly #isFixed: boolean;
  #pace: DecodePace;
  #numRuns = 0;
  #lastDoneMs = 0;

  /** `ranges` is what a run changes besides the KV cache, whose rows past the position mean nothing. The pace adapts to the
   * measured time unless it is fixed. */
  constructor(
    session: GpuSession,
    label: string,
    stepHead: BufferRange,
    ranges: readonly BufferRange[],
    fixedPace?: DecodePace,
  ) {
    this.#session = session;
    this.#isFixed = fixedPace !== undefined;
    this.#pace = fixedPace ?? { depth: 1, steps: 1 };
    this.#stepHead = stepHead;
    this.#ranges = ranges;
    if (this.#pace.steps > RECENT_TOKENS) {
      throw new RangeError(`pace: expected at most ${RECENT_TOKENS} steps in a run, got ${this.#pace.steps}`);
    }
    this.#slots = Array.from({ length: numCheckpoints(fixedPace) }, (_, index) => ({
      readBack: new ReadBack(session, `${label} run ${index} read back`, stepHead.sizeBytes),
      checkpoint: ranges.map(({ sizeBytes }) =>
        session.createBuffer(
          `${label} run ${index} checkpoint`,
          "snapshots",
          sizeBytes,
          GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        ),
      ),
      position: undefined,
    }));
  }

  /** For the next run: adapted to the measured time, so that Stop is answered within about 100 ms. */
  get pace(): DecodePace {
    return this.#pace;
  }

  /** Queues a run in one submit, after `position` tokens. The step buffer holds the token to begin with. */
  submit(pass: Pass, position: number, numSteps: number): DecodeRun {
    const slot = this.#slots[this.#numRuns % this.#slots.length]!;
    this.#numRuns += 1;
    slot.position = position;
    submitDispatches(this.#session, Array<typeof pass.dispatches>(numSteps).fill(pass.dispatches).flat(), 1, {
      prepare: (encoder) => {
        for (const [index, { buffer: source, offsetBytes: offset, sizeBytes }] of this.#ranges.entries()) {
          encoder.copyBufferToBuffer(source, offset, slot.checkpoint[index]!, 0, sizeBytes);
        }
      },
      finish: (encoder) => slot.readBack.copy(encoder, [this.#stepHead]),
    });
    const head = slot.readBack.read(this.#stepHead.sizeBytes).then((bytes) => parseStepHead(new Uint32Array(bytes)));
    // Whoever awaits the head hears of a failure; a run that nobody awaits any more fails in silence with its device.
    head.catch(() => undefined);
    return { numSteps, head, slot, submittedMs: performance.now() };
  }

  /** Takes note of how long a run took, once its head has arrived. */
  adapt({ numSteps, submittedMs }: DecodeRun): void {
    const now = performance.now();
    const runMs = now - Math.max(submittedMs, this.#lastDoneMs);
    this.#lastDoneMs = now;
    if (this.#isFixed) return;
    // At most doubled, so that one short measurement does not make a long run.
    const wanted = Math.min((RUN_MS / runMs) * numSteps, 2 * numSteps, MAX_RUN_STEPS);
    this.#pace = { depth: runMs > SLOW_RUN_MS ? 1 : MAX_DEPTH, steps: Math.max(1, Math.floor(wanted)) };
  }

  /** Queues the copies that bring back the newest state of at most `position` tokens that is kept, and tells how many it
   * has; undefined when there is none. */
  rewind(position: number): number | undefined {
    this.forgetCheckpoints(position);
    const newest = this.#slots.reduce((best, slot) => ((slot.position ?? -1) > (best.position ?? -1) ? slot : best));
    if (newest.position === undefined) return undefined;
    const encoder = this.#session.device.createCommandEncoder({ label: "rewind" });
    for (const [index, { buffer, offsetBytes, sizeBytes }] of this.#ranges.entries()) {
      encoder.copyBufferToBuffer(newest.checkpoint[index]!, 0, buffer, offsetBytes, sizeBytes);
    }
    this.#session.device.queue.submit([encoder.finish()]);
    return newest.position;
  }

  /** The text will not go on as it did after its first `position` tokens; without a number, it is another text. */
  forgetCheckpoints(position = -1): void {
    for (const slot of this.#slots) if ((slot.position ?? -1) > position) slot.position = undefined;
  }

  destroy(): void {
    for (const { readBack, checkpoint } of this.#slots) {
      readBack.destroy();
      for (const buffer of checkpoint) this.#session.destroyBuffer(buffer);
    }
  }
}
