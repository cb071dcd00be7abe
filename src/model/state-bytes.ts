// A sequence's state as bytes and back: for files, the browser's storage, and other devices. Keys and values are rows that only
// ever grow at the end, so that they can be appended to one file for each softmax layer; everything else is read as a whole.
// Nothing but the log and what is given or taken here is ever held in JavaScript's memory.

import type { Model } from "./model.ts";
import { type BufferRange, ReadBack } from "./read-back.ts";
import type { Sequence } from "./sequence.ts";
import type { SequenceLog } from "./token-log.ts";

/** Keys and values of one softmax layer: bytes that follow those told before for the layer. */
export interface KeyRows {
  readonly layer: number;
  readonly bytes: Uint8Array;
}

export interface SavedState {
  readonly log: SequenceLog;
  readonly pendingToken: number | undefined;
  /** As readFixedState gave it. */
  readonly fixedState: Uint8Array;
  /** As readKeys gave them from token 0 on, cut anywhere at multiples of 4 bytes; layers in any order. */
  readonly keys: AsyncIterable<KeyRows> | Iterable<KeyRows>;
}

/** Bytes that are staged at once. */
const CHUNK_BYTES = 4 * 2 ** 20;

/** Bytes of a token's row in one softmax layer: (2, numKvHeads, kvWords), shaders/common/kv_<format>.wgsl. */
export function keyRowBytes({ core }: Sequence): number {
  const { bytesPerToken, layers } = core.state.kvCache;
  return layers.length === 0 ? 0 : bytesPerToken / layers.length;
}

/** What every token changes: recurrent states by layer, (numHeads, headDim, headDim) f32, then token counts, (vocabSize) u32;
 * in constant memory mode the keys too, the first ones and the ring, by layer each. Waits for the GPU; the sequence is not to
 * be used meanwhile. */
export async function readFixedState({ core }: Sequence): Promise<Uint8Array> {
  const ranges = core.state.copiedRanges;
  const fixedState = new Uint8Array(sumBytes(ranges));
  let offset = 0;
  for await (const bytes of readRanges(core.model, ranges)) {
    fixedState.set(bytes, offset);
    offset += bytes.length;
  }
  return fixedState;
}

/** The rows of the tokens from `fromToken` on, below `toToken`, layer after layer; none in constant memory mode, whose keys are
 * in the fixed state. Waits for the GPU; meanwhile these tokens are not to be overwritten. */
export async function* readKeys({ core }: Sequence, fromToken: number, toToken: number): AsyncGenerator<KeyRows, void> {
  const { kvCache } = core.state;
  if (!(fromToken >= 0 && fromToken <= toToken && toToken <= core.position)) {
    throw new RangeError(`readKeys: expected tokens from 0 to ${core.position}, got ${fromToken} to ${toToken}`);
  }
  if (kvCache.keyWindow) return;
  for (const [index, ranges] of kvCache.ranges(fromToken, toToken).entries()) {
    const layer = kvCache.layers[index]!;
    for await (const bytes of readRanges(core.model, ranges)) yield { layer, bytes };
  }
}

/** Has an empty or used sequence stand where the saved one stood. RangeError for bytes of another shape; the sequence is
 * empty then. Waits for `keys`, and now and then for the GPU. */
export async function writeState(sequence: Sequence, saved: SavedState): Promise<void> {
  sequence.clear();
  try {
    await writeBytes(sequence, saved);
  } catch (error) {
    sequence.clear();
    throw error;
  }
  sequence.core.moveTo(saved.log, saved.pendingToken);
}

async function writeBytes({ core }: Sequence, { log, fixedState, keys }: SavedState): Promise<void> {
  const { state, model } = core;
  const numTokens = log.tokenIds.length;
  const numInBlocks = log.blockLengths.reduce((sum, length) => sum + length, 0);
  if (numInBlocks !== numTokens) {
    throw new RangeError(`log: expected blocks of ${numTokens} tokens, got ${numInBlocks}`);
  }
  const fixed = new RangeWriter(model, "fixed state", state.copiedRanges);
  fixed.write(fixedState);
  fixed.expectEnd();
  await core.reserve(numTokens);
  state.kvCache.noteWrites(0, numTokens);
  const layerRanges = state.kvCache.keyWindow ? [] : state.kvCache.ranges(0, numTokens);
  const writers = new Map(
    layerRanges.map((ranges, index) => {
      const layer = state.kvCache.layers[index]!;
      return [layer, new RangeWriter(model, `keys of layer ${layer}`, ranges)];
    }),
  );
  let numPending = 0;
  for await (const { layer, bytes } of keys) {
    const writer = writers.get(layer);
    if (!writer) throw new RangeError(`keys: expected layers ${[...writers.keys()].join(", ")}, got ${layer}`);
    writer.write(bytes);
    numPending += bytes.length;
    if (numPending < CHUNK_BYTES) continue;
    await model.session.device.queue.onSubmittedWorkDone();
    numPending = 0;
  }
  for (const writer of writers.values()) writer.expectEnd();
}

/** Writes bytes into ranges, one after another, wherever these are cut. */
class RangeWriter {
  readonly #queue: GPUQueue;
  readonly #label: string;
  readonly #ranges: readonly BufferRange[];
  readonly #sizeBytes: number;
  #numWritten = 0;
  #index = 0;
  #offset = 0;

  constructor({ session }: Model, label: string, ranges: readonly BufferRange[]) {
    this.#queue = session.device.queue;
    this.#label = label;
    this.#ranges = ranges;
    this.#sizeBytes = sumBytes(ranges);
  }

  write(bytes: Uint8Array): void {
    if (bytes.length % 4 !== 0 || this.#numWritten + bytes.length > this.#sizeBytes) {
      throw new RangeError(`${this.#label}: expected ${this.#sizeBytes} bytes, got ${this.#numWritten + bytes.length}`);
    }
    this.#numWritten += bytes.length;
    for (let start = 0; start < bytes.length;) {
      const { buffer, offsetBytes, sizeBytes } = this.#ranges[this.#index]!;
      const part = bytes.subarray(start, start + sizeBytes - this.#offset) as Uint8Array<ArrayBuffer>;
      this.#queue.writeBuffer(buffer, offsetBytes + this.#offset, part);
      start += part.length;
      this.#offset += part.length;
      if (this.#offset < sizeBytes) continue;
      this.#index += 1;
      this.#offset = 0;
    }
  }

  expectEnd(): void {
    if (this.#numWritten === this.#sizeBytes) return;
    throw new RangeError(`${this.#label}: expected ${this.#sizeBytes} bytes, got ${this.#numWritten}`);
  }
}

/** The bytes of ranges in order, some at a time. */
async function* readRanges({ session }: Model, ranges: readonly BufferRange[]): AsyncGenerator<Uint8Array, void> {
  const batches = cutIntoBatches(ranges);
  if (batches.length === 0) return;
  const readBack = new ReadBack(session, "state read back", Math.max(...batches.map(sumBytes)));
  try {
    for (const batch of batches) {
      const encoder = session.device.createCommandEncoder({ label: "state read back" });
      readBack.copy(encoder, batch);
      session.device.queue.submit([encoder.finish()]);
      yield new Uint8Array(await readBack.read(sumBytes(batch)));
    }
  } finally {
    readBack.destroy();
  }
}

/** Ranges one after another, in lists of at most CHUNK_BYTES together. */
function cutIntoBatches(ranges: readonly BufferRange[]): BufferRange[][] {
  const batches: BufferRange[][] = [];
  let room = 0;
  for (const { buffer, offsetBytes, sizeBytes } of ranges) {
    for (let start = 0; start < sizeBytes;) {
      if (room === 0) {
        batches.push([]);
        room = CHUNK_BYTES;
      }
      const length = Math.min(room, sizeBytes - start);
      batches.at(-1)!.push({ buffer, offsetBytes: offsetBytes + start, sizeBytes: length });
      start += length;
      room -= length;
    }
  }
  return batches;
}

function sumBytes(ranges: readonly BufferRange[]): number {
  return ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
