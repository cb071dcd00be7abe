// The whole state of a sequence at one position, copied on the GPU: what fork, stop and restore rest on.

import type { GpuSession } from "../gpu/session.ts";
import type { BufferRange } from "./read-back.ts";

/** What a sequence has read: ids, and the lengths of the blocks they were read in (1: decoded). */
export interface SequenceLog {
  readonly tokenIds: readonly number[];
  readonly blockLengths: readonly number[];
}

/** A copy of a state; belongs to whoever took it, and is destroyed by them. */
export class Snapshot {
  readonly log: SequenceLog;
  /** Drawn but not yet read; undefined when there is none. */
  readonly pendingToken: number | undefined;
  readonly #session: GpuSession;
  readonly #copies: readonly { readonly range: BufferRange; readonly buffer: GPUBuffer }[];

  /** Queues the copies of `ranges`; what was submitted before is in them. */
  constructor(
    session: GpuSession,
    label: string,
    ranges: readonly BufferRange[],
    log: SequenceLog,
    pendingToken: number | undefined,
  ) {
    this.#session = session;
    this.log = log;
    this.pendingToken = pendingToken;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const encoder = session.device.createCommandEncoder({ label });
    this.#copies = ranges.map((range) => {
      const buffer = session.createBuffer(label, "snapshots", range.sizeBytes, usage);
      encoder.copyBufferToBuffer(range.buffer, range.offsetBytes, buffer, 0, range.sizeBytes);
      return { range, buffer };
    });
    session.device.queue.submit([encoder.finish()]);
  }

  get position(): number {
    return this.log.tokenIds.length;
  }

  /** Queues the copies into `ranges`, which must be as many and as large as those it was taken from. */
  copyTo(ranges: readonly BufferRange[]): void {
    if (ranges.length !== this.#copies.length) {
      throw new RangeError(`snapshot: expected ${this.#copies.length} ranges, got ${ranges.length}`);
    }
    const encoder = this.#session.device.createCommandEncoder({ label: "restore" });
    for (const [index, { range, buffer }] of this.#copies.entries()) {
      const target = ranges[index]!;
      if (target.sizeBytes !== range.sizeBytes) {
        throw new RangeError(`snapshot: expected ${range.sizeBytes} bytes, got ${target.sizeBytes}`);
      }
      encoder.copyBufferToBuffer(buffer, 0, target.buffer, target.offsetBytes, range.sizeBytes);
    }
    this.#session.device.queue.submit([encoder.finish()]);
  }

  destroy(): void {
    for (const { buffer } of this.#copies) this.#session.destroyBuffer(buffer);
  }
}
