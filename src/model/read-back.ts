// Brings GPU results to the CPU: copies queued behind the work that makes them, then mapped.

import type { GpuSession } from "../gpu/session.ts";

export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A staging buffer that is filled and read again and again, one reader at a time. */
export class ReadBack {
  readonly #session: GpuSession;
  readonly #staging: GPUBuffer;

  constructor(session: GpuSession, label: string, sizeBytes: number) {
    this.#session = session;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.#staging = session.createBuffer(label, "staging", sizeBytes, usage);
  }

  /** Encodes the copies of `ranges`, one after another. */
  copy(encoder: GPUCommandEncoder, ranges: readonly BufferRange[]): void {
    let offset = 0;
    for (const range of ranges) {
      encoder.copyBufferToBuffer(range.buffer, range.offsetBytes, this.#staging, offset, range.sizeBytes);
      offset += range.sizeBytes;
    }
  }

  /** Waits for the GPU; gives a copy of the first `sizeBytes`. */
  async read(sizeBytes: number): Promise<ArrayBuffer> {
    this.#session.counters.mapCalls += 1;
    await this.#staging.mapAsync(GPUMapMode.READ, 0, sizeBytes);
    const bytes = this.#staging.getMappedRange(0, sizeBytes).slice(0);
    this.#staging.unmap();
    return bytes;
  }

  destroy(): void {
    this.#session.destroyBuffer(this.#staging);
  }
}
