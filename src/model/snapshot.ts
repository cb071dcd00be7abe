// The whole state of a sequence at one position: what fork, stop and restore rest on. What every token changes is copied on
// the GPU. Keys and values are not: they stay in the sequence's KV cache, and the snapshot is good as long as none of them is
// overwritten. In constant memory mode they are overwritten all the time: there they are copied too.

import type { GpuSession } from "../gpu/session.ts";
import type { KeysMark } from "./kv-cache.ts";
import type { BufferRange } from "./read-back.ts";
import type { SequenceLog } from "./token-log.ts";

/** The keys of a snapshot's tokens are no longer in the KV cache; those of the first `keptTokens` are. */
export class StaleSnapshotError extends Error {
  override readonly name = "StaleSnapshotError";
  readonly keptTokens: number;

  constructor(label: string, position: number, keptTokens: number) {
    super(`${label}: expected the keys of its ${position} tokens, got those of the first ${keptTokens}`);
    this.keptTokens = keptTokens;
  }
}

/** Belongs to whoever took it, and is destroyed by them. */
export class Snapshot {
  readonly label: string;
  readonly log: SequenceLog;
  /** Drawn but not yet read; undefined when there is none. */
  readonly pendingToken: number | undefined;
  /** Where its keys and values are; undefined when they are copied. */
  readonly keys: KeysMark | undefined;
  readonly #session: GpuSession;
  readonly #copies: readonly GPUBuffer[];

  /** Queues the copies of `ranges`; what was submitted before is in them. */
  constructor(
    session: GpuSession,
    label: string,
    ranges: readonly BufferRange[],
    { log, pendingToken, keys }: Pick<Snapshot, "log" | "pendingToken" | "keys">,
  ) {
    this.#session = session;
    this.label = label;
    this.log = log;
    this.pendingToken = pendingToken;
    this.keys = keys;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const encoder = session.device.createCommandEncoder({ label });
    this.#copies = ranges.map(({ buffer, offsetBytes, sizeBytes }) => {
      const copy = session.createBuffer(label, "snapshots", sizeBytes, usage);
      encoder.copyBufferToBuffer(buffer, offsetBytes, copy, 0, sizeBytes);
      return copy;
    });
    session.device.queue.submit([encoder.finish()]);
  }

  get position(): number {
    return this.log.tokenIds.length;
  }

  /** Encodes the copies into ranges of the same sizes; RangeError for others. */
  copyTo(encoder: GPUCommandEncoder, ranges: readonly BufferRange[]): void {
    const expected = this.#copies.map(({ size }) => size);
    const got = ranges.map(({ sizeBytes }) => this.#session.bufferSize(sizeBytes));
    if (expected.join() !== got.join()) {
      throw new RangeError(`${this.label}: expected ranges of ${expected.join(", ")} bytes, got ${got.join(", ")}`);
    }
    for (const [index, { buffer, offsetBytes, sizeBytes }] of ranges.entries()) {
      encoder.copyBufferToBuffer(this.#copies[index]!, 0, buffer, offsetBytes, sizeBytes);
    }
  }

  destroy(): void {
    for (const copy of this.#copies) this.#session.destroyBuffer(copy);
  }
}
