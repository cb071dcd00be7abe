// One text in a model's state: reads tokens in blocks, draws tokens, forks by snapshots. Knows token ids only, no text.

import { submitDispatches } from "../gpu/submit.ts";
import { GREEDY } from "../kernels/call.ts";
import { createDecodePass } from "./decode-pass.ts";
import { type DecodePace, DecodePipeline, type DecodeRun } from "./decode-pipeline.ts";
import type { Model } from "./model.ts";
import type { Pass } from "./pass.ts";
import type { PassTensors } from "./pass-tensors.ts";
import { type BlockOutput, createPrefillPass } from "./prefill-pass.ts";
import { ReadBack } from "./read-back.ts";
import { SequenceState } from "./sequence-state.ts";
import { type SequenceLog, Snapshot } from "./snapshot.ts";
import { type DrawOptions, StepBuffer } from "./step-buffer.ts";
import { TapReader, type Taps } from "./taps.ts";

export interface ReadOptions {
  /** Reading ends at the next block boundary. */
  readonly signal?: AbortSignal | undefined;
  /** Called as blocks are done, with the tokens read so far in this call. */
  readonly onProgress?: ((numTokens: number) => void) | undefined;
}

/** What a prefill gives, by what it computes at the end of each block. `undefined`: the signal ended it before. */
export interface PrefillResults {
  /** The token drawn after the last id. */
  last: number | undefined;
  /** Sum of -log p(id | the ids before it) in nats, over all ids but the first. */
  loss: number | undefined;
  /** Every tapped tensor of every token. */
  taps: Taps | undefined;
}

/** Most dispatches of one submit in prefill, so that a slow GPU is not held for long. */
const PREFILL_SUBMIT_DISPATCHES = 64;
/** Blocks that may be queued before the first is done. */
const BLOCKS_IN_FLIGHT = 2;
/** A run of decode whose tokens are being told, and the sequence before it. */
interface ToldRun {
  readonly run: DecodeRun;
  readonly position: number;
  readonly pendingToken: number;
  readonly told: number[];
}

const NOTHING_DRAWN: DrawOptions = { sampling: GREEDY, endTokenIds: [] };

export class Sequence {
  readonly model: Model;
  readonly #state: SequenceState;
  readonly #step: StepBuffer;
  readonly #pipeline: DecodePipeline;
  readonly #passes = new Map<BlockOutput | "decode", Promise<Pass>>();
  #log: { tokenIds: number[]; blockLengths: number[] } = { tokenIds: [], blockLengths: [] };
  #pendingToken: number | undefined;

  private constructor(model: Model, label: string, fixedPace?: DecodePace) {
    this.model = model;
    this.#state = new SequenceState(model.session, model.config, label);
    this.#step = new StepBuffer(model.session, label, model.blockSize);
    const { fixedRanges } = this.#state;
    this.#pipeline = new DecodePipeline(model.session, label, this.#step.head, fixedRanges, fixedPace);
  }

  /** Use Model.createSequence. Waits until the kernels for reading and drawing are compiled. */
  static async create(model: Model, label: string, reservedTokens: number, fixedPace?: DecodePace): Promise<Sequence> {
    const sequence = new Sequence(model, label, fixedPace);
    sequence.reserve(reservedTokens);
    await Promise.all([sequence.#pass("none"), sequence.#pass("last"), sequence.#pass("decode")]);
    return sequence;
  }

  /** Tokens in the state. */
  get position(): number {
    return this.#log.tokenIds.length;
  }

  get log(): SequenceLog {
    return this.#log;
  }

  /** Drawn last, but not in the state yet. */
  get pendingToken(): number | undefined {
    return this.#pendingToken;
  }

  /** Makes room for `numTokens` in all; what is there stays where it is. */
  reserve(numTokens: number): void {
    if (this.#state.kvCache.reserve(numTokens)) this.#passes.clear();
    this.#state.kvCache.setUsedTokens(this.position);
  }

  /** Reads `ids` in blocks of the model's block size. The pending token is forgotten: to keep it, put it first. */
  async prefill<Output extends keyof PrefillResults>(
    ids: readonly number[],
    options: ReadOptions & { readonly output: Output } & (Output extends "last" ? DrawOptions : unknown),
  ): Promise<PrefillResults[Output]>;
  async prefill(
    ids: readonly number[],
    options: ReadOptions & Partial<DrawOptions> & { readonly output: keyof PrefillResults },
  ): Promise<PrefillResults[keyof PrefillResults]> {
    switch (options.output) {
      case "last":
        return this.#prefillLast(ids, { ...NOTHING_DRAWN, ...options });
      case "loss":
        return this.#prefillLoss(ids, options);
      case "taps":
        return this.#prefillTaps(ids, options);
    }
  }

  /** Draws up to `maxTokens` tokens after the pending one, an end token being the last. The GPU runs ahead of what is told,
   * but when the iterator ends, wherever that is, the state is that of the tokens told. Until then the sequence is not to
   * be used otherwise. RangeError when no token is pending. */
  async *generate(draw: DrawOptions, maxTokens: number): AsyncGenerator<number, void> {
    if (this.#pendingToken === undefined) throw new RangeError("decode: expected a pending token, got none");
    const inFlight: DecodeRun[] = [];
    let numSubmitted = 0;
    let numTold = 0;
    let current: ToldRun | undefined;
    let isAhead = false;
    if (!this.#step.isCurrent) this.#step.write(this.position, [this.#pendingToken]);
    try {
      while (numTold < maxTokens) {
        while (inFlight.length < this.#pipeline.pace.depth && numSubmitted < maxTokens) {
          const numSteps = Math.min(this.#pipeline.pace.steps, maxTokens - numSubmitted);
          this.reserve(this.position + numSubmitted - numTold + numSteps);
          const pass = await this.#pass("decode");
          this.#writeCall(1, draw);
          inFlight.push(this.#pipeline.submit(pass, numSteps));
          numSubmitted += numSteps;
        }
        const run = inFlight.shift()!;
        const head = await run.head;
        this.#pipeline.adapt(run);
        current = { run, position: this.position, pendingToken: this.#pendingToken, told: [] };
        const tokens = this.#step.takeDrawn(head);
        // After an end token the GPU stands still, whatever was submitted.
        const numDrawn = head.done ? numTold + tokens.length : numSubmitted;
        for (const token of tokens) {
          this.#advance([this.#pendingToken]);
          this.#pendingToken = token;
          current.told.push(token);
          numTold += 1;
          isAhead = numTold < numDrawn;
          yield token;
        }
        if (head.done) return;
      }
    } finally {
      this.#step.invalidate();
      await Promise.allSettled(inFlight.map(({ head }) => head));
      if (isAhead && current) await this.#undo(current);
    }
  }

  /** Reads the pending token and draws the next; RangeError when there is none. */
  async decode(draw: DrawOptions): Promise<number> {
    for await (const token of this.generate(draw, 1)) return token;
    throw new RangeError("decode: expected a token, got none");
  }

  /** Draws known ids instead of new ones, as they were generated: reads the pending token and all of `ids` but the last,
   * which is pending then. RangeError when no token is pending. */
  async replay(ids: readonly number[]): Promise<void> {
    if (this.#pendingToken === undefined) throw new RangeError("replay: expected a pending token, got none");
    this.reserve(this.position + ids.length);
    const pass = await this.#pass("decode");
    for (const id of ids) {
      this.#submitStep(pass, this.#pendingToken, { forcedToken: id });
      this.#pendingToken = id;
    }
  }

  /** Reads ids one by one through decode and gives every tapped tensor. */
  async replayTaps(ids: readonly number[]): Promise<Taps> {
    this.reserve(this.position + ids.length);
    const pass = await this.#pass("decode");
    const reader = new TapReader(this.model.session, pass.tapPoints, 1);
    for (const id of ids) {
      this.#submitStep(pass, id, { reader });
      await reader.collect(1);
    }
    this.#pendingToken = undefined;
    return reader.close();
  }

  /** Copies the whole state on the GPU. The snapshot belongs to the caller. */
  snapshot(label = "snapshot"): Snapshot {
    const { tokenIds, blockLengths } = this.#log;
    const log = { tokenIds: [...tokenIds], blockLengths: [...blockLengths] };
    return new Snapshot(this.model.session, label, this.#state.ranges(this.position), log, this.#pendingToken);
  }

  /** Goes back, or over, to a snapshot of any sequence of the same model; the snapshot stays good. */
  restore(snapshot: Snapshot): void {
    this.reserve(snapshot.position);
    snapshot.copyTo(this.#state.ranges(snapshot.position));
    const { tokenIds, blockLengths } = snapshot.log;
    this.#log = { tokenIds: [...tokenIds], blockLengths: [...blockLengths] };
    this.#pendingToken = snapshot.pendingToken;
    this.#step.invalidate();
    this.#state.kvCache.setUsedTokens(this.position);
  }

  /** Forgets everything that was read; buffers stay. */
  clear(): void {
    this.#state.clear();
    this.#log = { tokenIds: [], blockLengths: [] };
    this.#pendingToken = undefined;
    this.#step.invalidate();
    this.#state.kvCache.setUsedTokens(0);
  }

  destroy(): void {
    this.#pipeline.destroy();
    this.#state.destroy();
    this.#step.destroy();
  }

  async #prefillLast(ids: readonly number[], options: DrawOptions & ReadOptions): Promise<number | undefined> {
    const [body, last] = await Promise.all([this.#passFor(ids, "none"), this.#passFor(ids, "last")]);
    const isComplete = await this.#readBlocks(ids, options, options, async (block, isLast) => {
      submitDispatches(this.model.session, (isLast ? last : body).dispatches, block.length, {
        maxDispatches: PREFILL_SUBMIT_DISPATCHES,
        ...(isLast ? { finish: (encoder: GPUCommandEncoder) => this.#step.copyHead(encoder) } : {}),
      });
    });
    if (!isComplete) return undefined;
    this.#pendingToken = await this.#step.readDrawn();
    return this.#pendingToken;
  }

  async #prefillLoss(ids: readonly number[], options: ReadOptions): Promise<number | undefined> {
    const { session, activations, blockSize } = this.model;
    const { buffer, offsetBytes } = activations.lossStats;
    const pass = await this.#passFor(ids, "loss");
    const readBack = new ReadBack(session, "loss read back", blockSize * 16);
    let loss = 0;
    let numRead = 0;
    const isComplete = await this.#readBlocks(ids, NOTHING_DRAWN, options, async (block) => {
      const sizeBytes = block.length * 16;
      submitDispatches(session, pass.dispatches, block.length, {
        maxDispatches: PREFILL_SUBMIT_DISPATCHES,
        finish: (encoder) => readBack.copy(encoder, [{ buffer, offsetBytes, sizeBytes }]),
      });
      const stats = new Float32Array(await readBack.read(sizeBytes));
      for (let token = 0; token < block.length && ++numRead < ids.length; token++) {
        loss += stats[4 * token]! + Math.log(stats[4 * token + 1]!) - stats[4 * token + 2]!;
      }
    });
    readBack.destroy();
    return isComplete ? loss : undefined;
  }

  async #prefillTaps(ids: readonly number[], options: ReadOptions): Promise<Taps | undefined> {
    const { session, blockSize } = this.model;
    const pass = await this.#passFor(ids, "taps");
    const reader = new TapReader(session, pass.tapPoints, blockSize);
    const isComplete = await this.#readBlocks(ids, NOTHING_DRAWN, options, async (block) => {
      submitDispatches(session, pass.dispatches, block.length, { taps: reader.taps(block.length) });
      await reader.collect(block.length);
    });
    const taps = reader.close();
    return isComplete ? taps : undefined;
  }

  /** Writes what a block needs and has `submit` queue it, block after block; false when the signal ended it. */
  async #readBlocks(
    ids: readonly number[],
    draw: DrawOptions,
    { signal, onProgress }: ReadOptions,
    submit: (block: readonly number[], isLast: boolean) => Promise<void>,
  ): Promise<boolean> {
    const { session, blockSize } = this.model;
    const inFlight: Promise<void>[] = [];
    this.#pendingToken = undefined;
    for (let start = 0; start < ids.length; start += blockSize) {
      if (signal?.aborted) return false;
      const block = ids.slice(start, start + blockSize);
      this.#writeCall(block.length, draw);
      this.#step.write(this.position, ids.slice(start, start + blockSize + 1));
      await submit(block, start + blockSize >= ids.length);
      this.#advance(block);
      const numRead = start + block.length;
      inFlight.push(session.device.queue.onSubmittedWorkDone().then(() => onProgress?.(numRead)));
      if (inFlight.length >= BLOCKS_IN_FLIGHT) await inFlight.shift();
    }
    await Promise.all(inFlight);
    return true;
  }

  /** Reads one id through decode, and takes a known token in place of a draw. */
  #submitStep(
    pass: Pass,
    id: number,
    { reader, forcedToken }: { readonly reader?: TapReader; readonly forcedToken?: number },
  ): void {
    this.#writeCall(1, NOTHING_DRAWN);
    this.#step.write(this.position, [id], forcedToken);
    submitDispatches(this.model.session, pass.dispatches, 1, { taps: reader?.taps(1) ?? [] });
    this.#advance([id]);
  }

  /** Goes back to before a run, and again to the tokens of it that were told. */
  async #undo({ run, position, pendingToken, told }: ToldRun): Promise<void> {
    this.#pipeline.undo(run);
    this.#log.tokenIds.length = position;
    this.#log.blockLengths.length -= told.length;
    this.#pendingToken = pendingToken;
    await this.replay(told);
  }

  #writeCall(numTokens: number, draw: DrawOptions): void {
    this.#step.writeCall(numTokens, this.#state.kvCache.segments.length, draw);
  }

  #advance(ids: readonly number[]): void {
    this.#log.tokenIds.push(...ids);
    this.#log.blockLengths.push(ids.length);
    this.#state.kvCache.setUsedTokens(this.position);
  }

  #passFor(ids: readonly number[], output: BlockOutput): Promise<Pass> {
    const { vocabSize } = this.model.config;
    if (ids.length === 0) throw new RangeError("prefill: expected at least one id, got none");
    const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
    if (wrong !== undefined) throw new RangeError(`prefill: expected ids below ${vocabSize}, got ${wrong}`);
    this.reserve(this.position + ids.length);
    return this.#pass(output);
  }

  /** Passes are made once, and again when a KV segment was added. */
  #pass(output: BlockOutput | "decode"): Promise<Pass> {
    let pass = this.#passes.get(output);
    if (!pass) {
      const tensors = this.#passTensors();
      pass = output === "decode" ? createDecodePass(tensors) : createPrefillPass(tensors, output);
      this.#passes.set(output, pass);
    }
    return pass;
  }

  #passTensors(): PassTensors {
    const { recurrentStates, tokenCounts, kvCache } = this.#state;
    return {
      model: this.model,
      call: this.#step.call,
      step: this.#step.step,
      recurrentStates,
      tokenCounts,
      segments: kvCache.segments,
      partials: kvCache.partials,
    };
  }
}
