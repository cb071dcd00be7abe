// One text in a model's state: reads tokens in blocks, draws tokens, forks by snapshots. Knows token ids only, no text.

import { generate, replay, replayTaps, rewind } from "./decode.ts";
import type { Model } from "./model.ts";
import { sequenceBytes } from "./memory-needs.ts";
import {
  prefillLast,
  prefillLoss,
  prefillNone,
  type PrefillResults,
  prefillTaps,
  type ReadOptions,
} from "./prefill.ts";
import { reread } from "./reread.ts";
import { SequenceCore, type SequenceOptions } from "./sequence-core.ts";
import type { Snapshot } from "./snapshot.ts";
import { type DrawOptions, NOTHING_DRAWN } from "./step-buffer.ts";
import type { Taps } from "./taps.ts";
import type { SequenceLog } from "./token-log.ts";

export class Sequence {
  /** The labels of its GPU buffers begin with it. */
  readonly label: string;
  /** For the files of this folder. */
  readonly core: SequenceCore;

  private constructor(model: Model, label: string, options: SequenceOptions) {
    this.label = label;
    this.core = new SequenceCore(model, label, options);
  }

  /** Use Model.createSequence. Waits until the kernels for reading and drawing are compiled. */
  static async create(
    model: Model,
    label: string,
    reservedTokens: number,
    options: SequenceOptions,
  ): Promise<Sequence> {
    const sizeBytes = sequenceBytes(model, reservedTokens, options);
    const sequence = await model.session.allocate(`room for ${reservedTokens} tokens`, sizeBytes, () => {
      const made = new Sequence(model, label, options);
      made.core.reserveUnchecked(reservedTokens);
      return made;
    });
    const core = sequence.core;
    await Promise.all([core.pass("none"), core.pass("last"), core.pass("decode")]);
    return sequence;
  }

  get model(): Model {
    return this.core.model;
  }

  /** Tokens in the state. */
  get position(): number {
    return this.core.position;
  }

  /** What was read, as it is now: reading on does not change what was given. */
  get log(): SequenceLog {
    return this.core.log;
  }

  /** Drawn last, but not in the state yet. */
  get pendingToken(): number | undefined {
    return this.core.pendingToken;
  }

  /** Tokens that each KV segment takes. They grow alike in sequences that began with the same room: then a text read again in
   * the same blocks gives the same numbers. */
  get segmentLengths(): number[] {
    return this.core.state.kvCache.segments.map(({ length }) => length);
  }

  /** Makes room for `numTokens` in all; what is there stays where it is. All that reads makes room by itself. After a
   * MemoryBudgetError or a GpuMemoryError the sequence is what it was before. */
  reserve(numTokens: number): Promise<void> {
    return this.core.reserve(numTokens);
  }

  /** Reads `ids` in blocks of the model's block size. The pending token is forgotten: to keep it, put it first. For the
   * penalties all that is in the state then is the prompt, earlier answers too. RangeError for ids or a logitBias that the
   * model cannot take, before anything is read. */
  async prefill<Output extends keyof PrefillResults>(
    ids: ArrayLike<number>,
    options: ReadOptions & { readonly output: Output } & (Output extends "last" ? DrawOptions : unknown),
  ): Promise<PrefillResults[Output]>;
  async prefill(
    ids: ArrayLike<number>,
    options: ReadOptions & Partial<DrawOptions> & { readonly output: keyof PrefillResults },
  ): Promise<PrefillResults[keyof PrefillResults]> {
    switch (options.output) {
      case "last":
        return prefillLast(this.core, ids, { ...NOTHING_DRAWN, ...options });
      case "none":
        return prefillNone(this.core, ids, options);
      case "loss":
        return prefillLoss(this.core, ids, options);
      case "taps":
        return prefillTaps(this.core, ids, options);
    }
  }

  /** Draws up to `maxTokens` tokens after the pending one, an end token being the last. The GPU runs ahead of what is told,
   * but when the iterator ends, wherever that is, the state is that of the tokens told. Until then the sequence is not to
   * be used otherwise. RangeError when no token is pending, and for a logitBias that the model cannot take. */
  generate(draw: DrawOptions, maxTokens: number): AsyncGenerator<number, void> {
    return generate(this.core, draw, maxTokens);
  }

  /** Reads the pending token and draws the next; RangeError when there is none. */
  async decode(draw: DrawOptions): Promise<number> {
    for await (const token of this.generate(draw, 1)) return token;
    throw new RangeError("decode: expected a token, got none");
  }

  /** Takes back the last `numTokens` that were drawn, as if the one before them had been the last. False when that is
   * further back than the last runs of decode: then nothing has changed, and it takes a snapshot from before, and replay.
   * RangeError when no token is pending. */
  rewind(numTokens: number): Promise<boolean> {
    return rewind(this.core, numTokens);
  }

  /** Draws known ids instead of new ones, as they were generated: reads the pending token and all of `ids` but the last,
   * which is pending then. RangeError when no token is pending. */
  replay(ids: readonly number[]): Promise<void> {
    return replay(this.core, ids);
  }

  /** Reads a log again, on from where the sequence stands: blocks through prefill, decoded ids through decode, with
   * `pendingToken` drawn last. On the same GPU the state is that of the sequence whose log it was. `undefined`: the signal
   * ended it before. */
  reread(log: SequenceLog, pendingToken: number | undefined, options: ReadOptions = {}): Promise<true | undefined> {
    return reread(this.core, log, pendingToken, options);
  }

  /** Reads ids one by one through decode and gives every tapped tensor. */
  replayTaps(ids: readonly number[]): Promise<Taps> {
    return replayTaps(this.core, ids);
  }

  /** For measuring only: stands after `numTokens` that nobody read, with a token pending, as if the text had been so long.
   * Recurrent states are zero, keys and values are whatever lies in the buffers; what is drawn then means nothing. */
  assume(numTokens: number): void {
    this.clear();
    this.core.reserveUnchecked(numTokens);
    this.core.moveTo({ tokenIds: new Uint32Array(numTokens), blockLengths: Uint32Array.of(numTokens) }, 0);
  }

  /** The whole state as it is now; belongs to the caller. Its keys and values stay where they are: whoever goes back
   * before it and reads another text from there spoils it. */
  snapshot(label = "snapshot"): Snapshot {
    return this.core.snapshot(label);
  }

  /** Goes back to a snapshot, or over to one of another sequence of the same model, whose keys are copied then; the snapshot
   * stays good. StaleSnapshotError, before anything has changed, when keys of it were overwritten or freed. */
  restore(snapshot: Snapshot): void {
    this.core.restore(snapshot);
  }

  /** Forgets everything that was read; buffers stay. */
  clear(): void {
    this.core.state.clear();
    this.core.moveTo({ tokenIds: new Uint32Array(0), blockLengths: new Uint32Array(0) }, undefined);
  }

  destroy(): void {
    this.core.destroy();
  }
}
