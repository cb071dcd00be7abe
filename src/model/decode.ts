// Reads tokens one by one: new ones as the sampler draws them, with several runs in flight, or known ones again.

import { submitDispatches } from "../gpu/submit.ts";
import { expectLogitBias } from "../kernels/call.ts";
import type { DecodeRun } from "./decode-pipeline.ts";
import type { Pass } from "./pass.ts";
import type { SequenceCore } from "./sequence-core.ts";
import { type DrawOptions, NOTHING_DRAWN } from "./step-buffer.ts";
import { TapReader, type Taps } from "./taps.ts";

/** See Sequence.generate. */
export async function* generate(
  core: SequenceCore,
  draw: DrawOptions,
  maxTokens: number,
): AsyncGenerator<number, void> {
  const { step, pipeline } = core;
  if (core.pendingToken === undefined) throw new RangeError("decode: expected a pending token, got none");
  expectLogitBias(draw.sampling.logitBias, core.model.config.vocabSize);
  const inFlight: DecodeRun[] = [];
  let numSubmitted = 0;
  let numTold = 0;
  let isAhead = false;
  if (!step.isCurrent) step.write(core.position, [core.pendingToken]);
  try {
    while (numTold < maxTokens) {
      while (inFlight.length < pipeline.pace.depth && numSubmitted < maxTokens) {
        const numSteps = Math.min(pipeline.pace.steps, maxTokens - numSubmitted);
        const position = core.position + numSubmitted - numTold;
        await core.reserve(position + numSteps);
        const pass = await core.pass("decode");
        core.writeCall(1, draw);
        core.state.kvCache.noteWrites(position, numSteps);
        inFlight.push(pipeline.submit(pass, position, numSteps));
        numSubmitted += numSteps;
      }
      const run = inFlight.shift()!;
      const head = await run.head;
      pipeline.adapt(run);
      const tokens = step.takeDrawn(head);
      // After an end token the GPU stands still, whatever was submitted.
      const numDrawn = head.done ? numTold + tokens.length : numSubmitted;
      for (const token of tokens) {
        core.advance([core.pendingToken]);
        core.pendingToken = token;
        numTold += 1;
        isAhead = numTold < numDrawn;
        yield token;
      }
      if (head.done) return;
    }
  } finally {
    step.invalidate();
    await Promise.allSettled(inFlight.map(({ head }) => head));
    pipeline.forgetCheckpoints(core.position);
    if (isAhead) await rewindTo(core, core.position);
  }
}

/** See Sequence.rewind. */
export async function rewind(core: SequenceCore, numTokens: number): Promise<boolean> {
  if (core.pendingToken === undefined) throw new RangeError("rewind: expected a pending token, got none");
  return rewindTo(core, core.position - numTokens);
}

/** Has the state be that of the text's first `position` tokens again, from the newest checkpoint at or before there. */
async function rewindTo(core: SequenceCore, position: number): Promise<boolean> {
  const start = core.pipeline.rewind(position);
  if (start === undefined) return false;
  core.step.invalidate();
  const [first, ...rest] = [...core.log.tokenIds.slice(start), core.pendingToken!].slice(0, position + 1 - start);
  core.retreat(core.position - start);
  core.pendingToken = first;
  // The same keys again: no snapshot is spoiled.
  await submitReplay(core, rest);
  return true;
}

/** See Sequence.replay. */
export async function replay(core: SequenceCore, ids: readonly number[]): Promise<void> {
  if (core.pendingToken === undefined) throw new RangeError("replay: expected a pending token, got none");
  await core.reserve(core.position + ids.length);
  core.state.kvCache.noteWrites(core.position, ids.length);
  await submitReplay(core, ids);
}

async function submitReplay(core: SequenceCore, ids: readonly number[]): Promise<void> {
  const pass = await core.pass("decode");
  for (const id of ids) {
    submitStep(core, pass, core.pendingToken!, { forcedToken: id });
    core.pendingToken = id;
  }
}

/** See Sequence.replayTaps. */
export async function replayTaps(core: SequenceCore, ids: readonly number[]): Promise<Taps> {
  await core.reserve(core.position + ids.length);
  core.state.kvCache.noteWrites(core.position, ids.length);
  const pass = await core.pass("decode");
  const reader = new TapReader(core.model.session, pass.tapPoints, 1);
  for (const id of ids) {
    submitStep(core, pass, id, { reader });
    await reader.collect(1);
  }
  core.pendingToken = undefined;
  return reader.close();
}

/** Reads one id, and takes a known token in place of a draw. */
function submitStep(
  core: SequenceCore,
  pass: Pass,
  id: number,
  { reader, forcedToken }: { readonly reader?: TapReader; readonly forcedToken?: number },
): void {
  core.writeCall(1, NOTHING_DRAWN);
  core.step.write(core.position, [id], forcedToken);
  submitDispatches(core.model.session, pass.dispatches, 1, { taps: reader?.taps(1) ?? [] });
  core.advance([id]);
}
