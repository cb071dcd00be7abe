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
  readonly #copies: readonly GPUBuffer[];

  /** Queues the copies; what was submitted before is in them. Each list of `ranges` becomes one copy. */
  constructor(
    session: GpuSession,
    label: string,
    ranges: readonly (readonly BufferRange[])[],
    log: SequenceLog,
    pendingToken: number | undefined,
  ) {
    this.#session = session;
    this.log = log;
    this.pendingToken = pendingToken;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const encoder = session.device.createCommandEncoder({ label });
    this.#copies = ranges.map((parts) => {
      const copy = session.createBuffer(label, "snapshots", sumBytes(parts), usage);
      let offset = 0;
      for (const { buffer, offsetBytes, sizeBytes } of parts) {
        encoder.copyBufferToBuffer(buffer, offsetBytes, copy, offset, sizeBytes);
        offset += sizeBytes;
      }
      return copy;
    });
    session.device.queue.submit([encoder.finish()]);
  }

  get position(): number {
    return this.log.tokenIds.length;
  }

  /** Queues the copies into lists of `ranges` of the same sizes; the parts of a list may be cut otherwise. */
  copyTo(ranges: readonly (readonly BufferRange[])[]): void {
    const [expected, got] = [
      this.#copies.map(({ size }) => size),
      ranges.map((parts) => this.#session.bufferSize(sumBytes(parts))),
    ];
    if (expected.join() !== got.join()) {
      throw new RangeError(`snapshot: expected ranges of ${expected.join(", ")} bytes, got ${got.join(", ")}`);
    }
    const encoder = this.#session.device.createCommandEncoder({ label: "restore" });
    for (const [index, parts] of ranges.entries()) {
      let offset = 0;
      for (const { buffer, offsetBytes, sizeBytes } of parts) {
        encoder.copyBufferToBuffer(this.#copies[index]!, offset, buffer, offsetBytes, sizeBytes);
        offset += sizeBytes;
      }
    }
    this.#session.device.queue.submit([encoder.finish()]);
  }

  destroy(): void {
    for (const copy of this.#copies) this.#session.destroyBuffer(copy);
  }
}

function sumBytes(ranges: readonly BufferRange[]): number {
  return ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
