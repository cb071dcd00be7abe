// Time per kernel: a compute pass with two timestamps around every dispatch, while a session has a profiler. Slower than
// a run without: passes end and begin, and nothing overlaps. Browsers round timestamps to 100 µs unless told otherwise.

import type { Dispatch } from "./kernel.ts";
import type { GpuSession } from "./session.ts";

/** All dispatches of one kernel. */
export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  readonly ms: number;
}

/** What WebGPU allows in one set: timestamps of 2,048 dispatches. */
const MAX_QUERIES = 4096;
const QUERY_BYTES = 8;

/** Timestamps that a submit will have brought back. */
interface Batch {
  readonly kernels: readonly string[];
  readonly staging: GPUBuffer;
}

/** Counts time from its making on; whoever made it sets it on the session, takes it off, and destroys it. */
export class Profiler {
  readonly #session: GpuSession;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #times = new Map<string, { dispatches: number; nanoseconds: number }>();
  readonly #readings: Promise<void>[] = [];
  #kernels: string[] = [];
  #batches: Batch[] = [];

  /** RangeError unless the session was opened with `profile` and the adapter offers timestamps. */
  constructor(session: GpuSession) {
    if (!session.device.features.has("timestamp-query")) {
      throw new RangeError("profiler: expected a device with timestamp-query, got one without");
    }
    this.#session = session;
    this.#queries = session.device.createQuerySet({ label: "profile", type: "timestamp", count: MAX_QUERIES });
    this.#resolved = session.createBuffer(
      "profile timestamps",
      "staging",
      MAX_QUERIES * QUERY_BYTES,
      GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    );
  }

  /** Begins the compute pass that holds one dispatch. */
  beginPass(encoder: GPUCommandEncoder, { label, kernel }: Dispatch): GPUComputePassEncoder {
    if (2 * this.#kernels.length === MAX_QUERIES) this.endPasses(encoder);
    const index = 2 * this.#kernels.length;
    this.#kernels.push(kernel.name);
    return encoder.beginComputePass({
      label,
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: index,
        endOfPassWriteIndex: index + 1,
      },
    });
  }

  /** Encodes what brings back the timestamps of the passes so far, before the end of a submit. */
  endPasses(encoder: GPUCommandEncoder): void {
    const kernels = this.#kernels;
    if (kernels.length === 0) return;
    this.#kernels = [];
    const sizeBytes = 2 * kernels.length * QUERY_BYTES;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#session.createBuffer("profile read back", "staging", sizeBytes, usage);
    encoder.resolveQuerySet(this.#queries, 0, 2 * kernels.length, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, staging, 0, sizeBytes);
    this.#batches.push({ kernels, staging });
  }

  /** Begins to read what the submit just made brings back. */
  readSubmitted(): void {
    for (const batch of this.#batches) {
      const reading = this.#read(batch);
      // Whoever takes the times hears of a failure.
      reading.catch(() => undefined);
      this.#readings.push(reading);
    }
    this.#batches = [];
  }

  /** Waits for the GPU; the times of all dispatches submitted so far, longest first, counted anew from then on. */
  async takeTimes(): Promise<KernelTime[]> {
    await Promise.all(this.#readings.splice(0));
    const times = [...this.#times].map(([kernel, { dispatches, nanoseconds }]) => {
      return { kernel, dispatches, ms: nanoseconds / 1e6 };
    });
    this.#times.clear();
    return times.sort((a, b) => b.ms - a.ms);
  }

  /** After takeTimes, and off the session. */
  destroy(): void {
    this.#queries.destroy();
    this.#session.destroyBuffer(this.#resolved);
  }

  async #read({ kernels, staging }: Batch): Promise<void> {
    await staging.mapAsync(GPUMapMode.READ);
    const timestamps = new BigUint64Array(staging.getMappedRange().slice(0, 2 * kernels.length * QUERY_BYTES));
    this.#session.destroyBuffer(staging);
    for (const [index, kernel] of kernels.entries()) {
      const time = this.#times.get(kernel) ?? { dispatches: 0, nanoseconds: 0 };
      time.dispatches += 1;
      // Some drivers' clocks step back now and then.
      time.nanoseconds += Math.max(0, Number(timestamps[2 * index + 1]! - timestamps[2 * index]!));
      this.#times.set(kernel, time);
    }
  }
}
