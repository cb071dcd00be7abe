// What prefill and decode share: where a sequence stands in its text, and the passes over its state.

import type { KeyWindow } from "../kernels/key-window.ts";
import { createDecodePass } from "./decode-pass.ts";
import { type DecodePace, DecodePipeline, undoableTokens } from "./decode-pipeline.ts";
import type { Model } from "./model.ts";
import type { Pass } from "./pass.ts";
import { type BlockOutput, createPrefillPass } from "./prefill-pass.ts";
import { SequenceState } from "./sequence-state.ts";
import { Snapshot, StaleSnapshotError } from "./snapshot.ts";
import { type DrawOptions, StepBuffer } from "./step-buffer.ts";
import { type SequenceLog, TokenLog } from "./token-log.ts";

export interface SequenceOptions {
  /** Decode paces itself by the time its steps take, unless this says how. */
  readonly fixedPace?: DecodePace | undefined;
  /** Constant memory mode: how many keys of the text's beginning and of its end the softmax layers keep. All when absent. */
  readonly keyWindow?: KeyWindow | undefined;
}

export class SequenceCore {
  readonly model: Model;
  readonly state: SequenceState;
  readonly step: StepBuffer;
  readonly pipeline: DecodePipeline;
  /** Drawn last, but not in the state yet. */
  pendingToken: number | undefined;
  readonly #log = new TokenLog();
  readonly #passes = new Map<BlockOutput | "decode", Promise<Pass>>();

  constructor(model: Model, label: string, { fixedPace, keyWindow }: SequenceOptions) {
    this.model = model;
    this.state = new SequenceState(model, label, undoableTokens(fixedPace), keyWindow);
    this.step = new StepBuffer(model.session, label, model.blockSize);
    this.pipeline = new DecodePipeline(model.session, label, this.step.head, this.state.fixedRanges, fixedPace);
  }

  /** Tokens in the state. */
  get position(): number {
    return this.#log.numTokens;
  }

  get log(): SequenceLog {
    return this.#log.share();
  }

  /** See Sequence.reserve. */
  async reserve(numTokens: number): Promise<void> {
    const { kvCache } = this.state;
    const numSegments = kvCache.segments.length;
    const sizeBytes = kvCache.bytesToGrow(numTokens);
    if (sizeBytes === 0) return;
    try {
      await this.model.session.allocate(`room for ${numTokens} tokens`, sizeBytes, () =>
        this.reserveUnchecked(numTokens),
      );
    } catch (error) {
      kvCache.segments.length = numSegments;
      this.#passes.clear();
      throw error;
    }
  }

  /** Makes room whatever the budget says, without waiting. */
  reserveUnchecked(numTokens: number): void {
    if (this.state.kvCache.reserve(numTokens)) this.#passes.clear();
    this.state.kvCache.setUsedTokens(this.position);
  }

  /** Passes are made once, and again when a KV segment was added. */
  pass(output: BlockOutput | "decode"): Promise<Pass> {
    let pass = this.#passes.get(output);
    if (!pass) {
      const { recurrentStates, tokenCounts, kvCache } = this.state;
      const tensors = {
        model: this.model,
        call: this.step.call,
        step: this.step.step,
        recurrentStates,
        tokenCounts,
        segments: kvCache.segments,
        keyWindow: kvCache.keyWindow,
      };
      pass = output === "decode" ? createDecodePass(tensors) : createPrefillPass(tensors, output);
      this.#passes.set(output, pass);
    }
    return pass;
  }

  writeCall(numTokens: number, draw: DrawOptions): void {
    this.step.writeCall(numTokens, this.state.kvCache.segments.length, draw);
  }

  /** Takes note of a block of ids that was submitted. */
  advance(ids: ArrayLike<number>): void {
    this.#log.appendBlock(ids);
    this.state.kvCache.setUsedTokens(this.position);
  }

  /** Takes note that the last `numTokens`, which were decoded, are undone. */
  retreat(numTokens: number): void {
    this.#log.removeDecoded(numTokens);
    this.state.kvCache.setUsedTokens(this.position);
  }

  /** Takes note that the state is now that of another text. */
  moveTo(log: SequenceLog, pendingToken: number | undefined): void {
    this.#log.become(log);
    this.pendingToken = pendingToken;
    this.step.invalidate();
    this.pipeline.forgetCheckpoints();
    this.state.kvCache.setUsedTokens(this.position);
  }

  snapshot(label: string): Snapshot {
    const { log, pendingToken, state } = this;
    return new Snapshot(this.model.session, label, state.copiedRanges, {
      log,
      pendingToken,
      keys: state.kvCache.mark(this.position),
    });
  }

  /** See Sequence.restore. */
  restore(snapshot: Snapshot): void {
    const { label, position, keys, log, pendingToken } = snapshot;
    const { kvCache, copiedRanges } = this.state;
    const numKept = keys?.cache.numKept(keys) ?? position;
    if (numKept < position) throw new StaleSnapshotError(label, position, numKept);
    this.reserveUnchecked(position);
    const { device } = this.model.session;
    const encoder = device.createCommandEncoder({ label: "restore" });
    snapshot.copyTo(encoder, copiedRanges);
    if (keys && keys.cache !== kvCache) kvCache.copyFrom(encoder, keys.cache, position);
    device.queue.submit([encoder.finish()]);
    this.moveTo(log, pendingToken);
  }

  destroy(): void {
    this.pipeline.destroy();
    this.state.destroy();
    this.step.destroy();
  }
}
