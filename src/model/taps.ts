// Reads tapped tensors back, block after block: a row per token under each tap's name.

import type { GpuSession } from "../gpu/session.ts";
import type { Tap } from "../gpu/submit.ts";
import type { TapPoint } from "./pass.ts";

export interface Tapped {
  /** Label of the dispatch that wrote it, e.g. `layer 3 lightning_output`. */
  readonly kernel: string;
  /** (num_tokens, row length) */
  readonly values: Float32Array;
}

/** By tap name, in the order in which the kernels ran; `logits` has the row of every token. */
export type Taps = ReadonlyMap<string, Tapped>;

/** Staging for all tap points of a pass, used block by block. */
export class TapReader {
  readonly #session: GpuSession;
  readonly #tapPoints: readonly TapPoint[];
  readonly #rowBytes: readonly number[];
  readonly #staging: GPUBuffer;
  readonly #blocks = new Map<string, Float32Array[]>();

  /** Tapped tensors have a row per token on their first axis. */
  constructor(session: GpuSession, tapPoints: readonly TapPoint[], blockSize: number) {
    this.#session = session;
    this.#tapPoints = tapPoints;
    this.#rowBytes = tapPoints.map(({ tensor }) => tensor.sizeBytes / tensor.shape[0]!);
    const rowBytes = this.#rowBytes.reduce((sum, bytes) => sum + bytes, 0);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.#staging = session.createBuffer("taps", "staging", rowBytes * blockSize, usage);
  }

  /** The copies that bring a block's rows into the staging buffer. */
  taps(numTokens: number): Tap[] {
    let targetOffsetBytes = 0;
    return this.#tapPoints.map(({ afterIndex, tensor }, index) => {
      const sizeBytes = this.#rowBytes[index]! * numTokens;
      const tap = {
        afterIndex,
        source: tensor.buffer,
        sourceOffsetBytes: tensor.offsetBytes,
        target: this.#staging,
        targetOffsetBytes,
        sizeBytes,
      };
      targetOffsetBytes += sizeBytes;
      return tap;
    });
  }

  /** Waits for the block whose taps were submitted last and keeps its rows. */
  async collect(numTokens: number): Promise<void> {
    this.#session.counters.mapCalls += 1;
    await this.#staging.mapAsync(GPUMapMode.READ);
    const bytes = this.#staging.getMappedRange();
    let offset = 0;
    for (const [index, { name }] of this.#tapPoints.entries()) {
      const sizeBytes = this.#rowBytes[index]! * numTokens;
      const rows = new Float32Array(bytes.slice(offset, offset + sizeBytes));
      this.#blocks.set(name, [...(this.#blocks.get(name) ?? []), rows]);
      offset += sizeBytes;
    }
    this.#staging.unmap();
  }

  /** All blocks' rows, one after another; frees the staging buffer. */
  close(): Taps {
    this.#session.destroyBuffer(this.#staging);
    return new Map(
      this.#tapPoints.map(({ name, kernel }) => [name, { kernel, values: concatenate(this.#blocks.get(name) ?? []) }]),
    );
  }
}

function concatenate(blocks: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let offset = 0;
  for (const block of blocks) {
    all.set(block, offset);
    offset += block.length;
  }
  return all;
}
