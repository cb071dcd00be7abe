// Owns the adapter, the device, the memory ledger and the compiled kernels. Several models can live in one session.

import { createCounters } from "./counters.ts";
import { adapterFeaturesOf, chooseFeatures, type Feature, type FeatureChoice, offeredFeatures } from "./features.ts";
import { GpuMemoryError, MemoryBudget } from "./memory-budget.ts";
import { type LedgerEntry, MemoryLedger, type MemoryKind } from "./ledger.ts";
import { requestAdapter } from "./request-adapter.ts";
import { createTensor, type Tensor } from "./tensor.ts";
import type { Kernel } from "./kernel.ts";
import type { Profiler } from "./profiler.ts";

/** WGSL texts by path below `shaders/`, without the suffix: `embed`, `common/reduce`. */
export type ShaderTexts = ReadonlyMap<string, string>;

/** The browser or GPU lacks something the engine needs. */
export class UnsupportedGpuError extends Error {
  override readonly name = "UnsupportedGpuError";
  readonly reason: "no-webgpu" | "no-adapter" | "limit-too-small";

  constructor(reason: UnsupportedGpuError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface SessionOptions {
  readonly shaders: ShaderTexts;
  /** Limits beyond WebGPU's defaults; opening fails, naming the limit, when the adapter offers less. */
  readonly requiredLimits?: Readonly<Record<string, number>>;
  /** Which variants of the kernels to use: `default` when absent. */
  readonly features?: FeatureChoice | undefined;
  /** Asks for timestamps, where the adapter offers them, so that a Profiler can be made. */
  readonly profile?: boolean;
  /** Of the device; without limit when absent. */
  readonly memory?: MemoryBudget;
}

/** What sessions on one device have in common. */
type SharedParts = Pick<
  GpuSession,
  "device" | "adapterInfo" | "shaders" | "features" | "kernels" | "memory" | "sessions"
>;

/** Limits of which more than the default is used where the adapter offers it. */
const WELCOME_LIMITS = {
  maxComputeInvocationsPerWorkgroup: 512,
  maxComputeWorkgroupSizeX: 512,
  maxComputeWorkgroupStorageSize: 32768,
} as const;

/** A device with a ledger. `lost` resolves when the device is lost for any reason but `close()`. */
export class GpuSession {
  readonly device: GPUDevice;
  readonly adapterInfo: GPUAdapterInfo;
  readonly shaders: ShaderTexts;
  /** Chosen and offered: kernels have variants for these. */
  readonly features: ReadonlySet<Feature>;
  readonly ledger = new MemoryLedger();
  /** Of all sessions on the device. */
  readonly memory: MemoryBudget;
  /** All on the device that are open, this one too. */
  readonly sessions: Set<GpuSession>;
  readonly counters = createCounters();
  /** Compiled kernels by source and constants; compileKernel fills it. */
  readonly kernels: Map<string, Promise<Kernel>>;
  readonly lost: Promise<GPUDeviceLostInfo>;
  /** While set, every dispatch is timed. */
  profiler: Profiler | undefined;
  readonly #entries = new Map<GPUBuffer, LedgerEntry>();
  readonly #ownsDevice: boolean;
  /** While `allocate` runs: what was made in it. */
  #made: GPUBuffer[] | undefined;
  #closed = false;

  private constructor(
    { device, adapterInfo, shaders, features, kernels, memory, sessions }: SharedParts,
    { ownsDevice }: { readonly ownsDevice: boolean },
  ) {
    this.device = device;
    this.adapterInfo = adapterInfo;
    this.shaders = shaders;
    this.features = features;
    this.kernels = kernels;
    this.memory = memory;
    this.sessions = sessions.add(this);
    this.#ownsDevice = ownsDevice;
    this.lost = new Promise((resolve) => {
      void device.lost.then((reason) => {
        if (!this.#closed) resolve(reason);
      });
    });
  }

  /** Requests the fastest adapter and a device with default limits, a few raised, and the chosen features. */
  static async open(gpu: Pick<GPU, "requestAdapter"> | undefined, options: SessionOptions): Promise<GpuSession> {
    if (!gpu) throw new UnsupportedGpuError("no-webgpu", "WebGPU: expected navigator.gpu, got undefined");
    const adapter = await requestAdapter(gpu);
    if (!adapter) throw new UnsupportedGpuError("no-adapter", "GPU adapter: expected one, got none");
    for (const [limit, needed] of Object.entries(options.requiredLimits ?? {})) {
      const offered = Number(adapter.limits[limit as keyof GPUSupportedLimits]);
      if (!(offered >= needed)) {
        throw new UnsupportedGpuError("limit-too-small", `${limit}: expected at least ${needed}, got ${offered}`);
      }
    }
    const features = chooseFeatures(options.features ?? "default", offeredFeatures(adapter));
    const timestamps: GPUFeatureName[] =
      options.profile && adapter.features.has("timestamp-query") ? ["timestamp-query"] : [];
    const device = await adapter.requestDevice({
      label: "Relampago",
      requiredFeatures: [...adapterFeaturesOf(features), ...timestamps],
      requiredLimits: { ...welcomeLimits(adapter), ...options.requiredLimits },
    });
    const { shaders, memory = new MemoryBudget() } = options;
    const kernels = new Map<string, Promise<Kernel>>();
    const parts = {
      device,
      adapterInfo: adapter.info,
      shaders,
      features,
      kernels,
      memory,
      sessions: new Set<GpuSession>(),
    };
    return new GpuSession(parts, { ownsDevice: true });
  }

  /** Another session on the same device, with the same compiled kernels and a ledger and counters of its own: what several
   * models take can be told apart. Closing it frees its buffers alone; they are freed with the device too. */
  static beside(session: GpuSession): GpuSession {
    return new GpuSession(session, { ownsDevice: false });
  }

  /** What a buffer for so many bytes takes: whole vec4s. */
  bufferSize(sizeBytes: number): number {
    return Math.ceil(sizeBytes / 16) * 16;
  }

  /** The one place where GPU buffers are made. All can be copied from and to. */
  createBuffer(label: string, kind: MemoryKind, sizeBytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const { maxBufferSize } = this.device.limits;
    if (sizeBytes > maxBufferSize) {
      throw new UnsupportedGpuError(
        "limit-too-small",
        `${label}: expected at most ${maxBufferSize} bytes (maxBufferSize), got ${sizeBytes}`,
      );
    }
    const buffer = this.device.createBuffer({ label, size: this.bufferSize(sizeBytes), usage });
    // What is made on a closed device is nothing.
    if (!this.sessions.has(this)) return buffer;
    const entry: LedgerEntry = { label, kind, allocatedBytes: buffer.size, usedBytes: buffer.size };
    this.ledger.add(entry);
    this.memory.count(buffer.size);
    this.counters.buffersCreated += 1;
    this.#entries.set(buffer, entry);
    this.#made?.push(buffer);
    return buffer;
  }

  /** What `create` makes of some `sizeBytes`, or nothing at all: MemoryBudgetError before it is called when that is too much,
   * GpuMemoryError when the GPU has no room; its buffers are freed then, as when it throws. */
  async allocate<Result>(what: string, sizeBytes: number, create: () => Result): Promise<Result> {
    this.memory.expectRoom(what, sizeBytes);
    const { usedBytes } = this.memory;
    const made: GPUBuffer[] = (this.#made = []);
    try {
      this.device.pushErrorScope("out-of-memory");
      const { result, outOfMemory } = this.#makeInScope(create);
      const error = await outOfMemory;
      if (error) throw new GpuMemoryError(what, sizeBytes, usedBytes, error.message || "out of memory");
      return result;
    } catch (error) {
      for (const buffer of made) this.destroyBuffer(buffer);
      throw error;
    }
  }

  /** Ends the error scope as soon as `create` has ended: it is no other work's. */
  #makeInScope<Result>(create: () => Result): { result: Result; outOfMemory: Promise<GPUError | null> } {
    // A lost device has no scopes; the loss is told elsewhere.
    const pop = () => this.device.popErrorScope().catch(() => null);
    try {
      const result = create();
      return { result, outOfMemory: pop() };
    } catch (error) {
      void pop();
      throw error;
    } finally {
      this.#made = undefined;
    }
  }

  /** A storage tensor of 4-byte elements in a buffer of its own, bound as a whole, zero at the start. */
  createStorage(label: string, kind: MemoryKind, shape: readonly number[]): Tensor {
    const sizeBytes = 4 * shape.reduce((product, length) => product * length, 1);
    const { maxStorageBufferBindingSize } = this.device.limits;
    if (sizeBytes > maxStorageBufferBindingSize) {
      throw new UnsupportedGpuError(
        "limit-too-small",
        `${label}: expected at most ${maxStorageBufferBindingSize} bytes (maxStorageBufferBindingSize), got ${sizeBytes}`,
      );
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return createTensor(label, this.createBuffer(label, kind, sizeBytes, usage), shape);
  }

  /** A uniform of `numWords` u32 or f32. */
  createUniform(label: string, numWords: number): Tensor {
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const numPadded = Math.ceil(numWords / 4) * 4;
    return createTensor(label, this.createBuffer(label, "tables", numPadded * 4, usage), [numPadded]);
  }

  /** What a buffer is for; undefined for one of another session. */
  kindOf(buffer: GPUBuffer): MemoryKind | undefined {
    return this.#entries.get(buffer)?.kind;
  }

  setUsedBytes(buffer: GPUBuffer, usedBytes: number): void {
    const entry = this.#entries.get(buffer);
    if (!entry) throw new RangeError(`${buffer.label}: expected a buffer of this session`);
    entry.usedBytes = usedBytes;
  }

  destroyBuffer(buffer: GPUBuffer): void {
    const entry = this.#entries.get(buffer);
    if (!entry) return;
    this.ledger.remove(entry);
    this.memory.count(-entry.allocatedBytes);
    this.#entries.delete(buffer);
    buffer.destroy();
  }

  /** Frees the session's buffers; the session that opened the device destroys it, with everything on it. */
  close(): void {
    this.#closed = true;
    for (const session of this.#ownsDevice ? [...this.sessions] : [this]) session.#free();
    if (this.#ownsDevice) this.device.destroy();
  }

  #free(): void {
    this.sessions.delete(this);
    for (const buffer of [...this.#entries.keys()]) this.destroyBuffer(buffer);
  }
}

function welcomeLimits({ limits }: GPUAdapter): Record<string, number> {
  const names = Object.keys(WELCOME_LIMITS) as (keyof typeof WELCOME_LIMITS)[];
  return Object.fromEntries(names.map((name) => [name, Math.min(WELCOME_LIMITS[name], limits[name])]));
}
