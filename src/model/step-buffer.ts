// A sequence's `call` uniform and `step` buffer: what the host writes before a pass, and what the sampler drew.

import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { createCallUniform, GREEDY, type Sampling, writeCall } from "../kernels/call.ts";
import {
  createStep,
  parseStepHead,
  RECENT_TOKENS,
  STEP_HEAD_WORDS,
  type StepHead,
  writeStep,
} from "../kernels/step.ts";
import { type BufferRange, ReadBack } from "./read-back.ts";

/** What the sampler needs to draw tokens. */
export interface DrawOptions {
  readonly sampling: Sampling;
  /** At most MAX_END_TOKENS ids. */
  readonly endTokenIds: readonly number[];
}

const HEAD_BYTES = STEP_HEAD_WORDS * 4;

/** For passes that draw nothing, or a forced token. */
export const NOTHING_DRAWN: DrawOptions = { sampling: GREEDY, endTokenIds: [] };

export class StepBuffer {
  readonly call: Tensor;
  readonly step: Tensor;
  readonly #session: GpuSession;
  readonly #readBack: ReadBack;
  #numDrawn = 0;
  #isCurrent = false;

  /** Room for the ids of a block, and one more: the successor of its last token, for the loss. */
  constructor(session: GpuSession, label: string, blockSize: number) {
    this.#session = session;
    this.call = createCallUniform(session);
    this.step = createStep(session, `${label} step`, blockSize + 1);
    this.#readBack = new ReadBack(session, `${label} step read back`, HEAD_BYTES);
  }

  /** Where the head lies on the GPU. */
  get head(): BufferRange {
    return { buffer: this.step.buffer, offsetBytes: this.step.offsetBytes, sizeBytes: HEAD_BYTES };
  }

  /** Whether the GPU's copy stands at the position and holds the pending token, so that decode can go on from it. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  writeCall(numTokens: number, numSegments: number, { sampling, endTokenIds }: DrawOptions): void {
    writeCall(this.#session, this.call, { numTokens, numSegments, sampling, endTokenIds });
  }

  /** Puts ids in place; the sampler takes `forcedToken`, if given, in place of a draw. */
  write(position: number, ids: ArrayLike<number>, forcedToken?: number): void {
    writeStep(this.#session, this.step, position, ids, forcedToken);
    this.#numDrawn = 0;
    this.#isCurrent = false;
  }

  /** For the end of a pass that draws one token. */
  copyHead(encoder: GPUCommandEncoder): void {
    this.#readBack.copy(encoder, [this.head]);
  }

  /** Waits for what copyHead copied; the token that was drawn. */
  async readDrawn(): Promise<number> {
    const head = parseStepHead(new Uint32Array(await this.#readBack.read(HEAD_BYTES)));
    const tokens = this.takeDrawn(head);
    if (tokens.length !== 1) throw new RangeError(`sampler: expected 1 token, got ${tokens.length}`);
    this.#isCurrent = !head.done;
    return tokens[0]!;
  }

  /** The tokens drawn since the last call, by a head that was read. */
  takeDrawn(head: StepHead): number[] {
    const tokens: number[] = [];
    for (; this.#numDrawn < head.numDrawn; this.#numDrawn++) {
      tokens.push(head.recentTokens[this.#numDrawn % RECENT_TOKENS]!);
    }
    return tokens;
  }

  /** The GPU's copy is somewhere else now, or will be. */
  invalidate(): void {
    this.#isCurrent = false;
  }

  destroy(): void {
    this.#readBack.destroy();
    for (const { buffer } of [this.call, this.step]) this.#session.destroyBuffer(buffer);
  }
}
