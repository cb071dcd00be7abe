// Owns the GPU and the models on it, and brings them back when the GPU is lost. Parts name the models they use, and have jobs
// run; a job opens what it needs, and finds it there if it was open already.

import type { ChatModel } from "../chat/chat-model.ts";
import { parseFeatureChoice } from "../gpu/features.ts";
import { sumByKind } from "../gpu/ledger.ts";
import { MemoryBudget } from "../gpu/memory-budget.ts";
import { GpuSession } from "../gpu/session.ts";
import type { StorePorts } from "../store/weight-store.ts";
import { describeGpu } from "./describe-model.ts";
import { bundledShaders } from "./bundled-shaders.ts";
import type { WorkerEvent } from "./messages.ts";
import { ModelUse, type UseOptions } from "./model-use.ts";
import { Recovery } from "./recovery.ts";
import { GpuFailureError, HANG_LIMITS, type HangLimits, SessionHealth } from "./session-health.ts";

/** One device, as jobs have it. Another one is another object: what was made on this one is then gone. */
export interface Gpu {
  readonly session: GpuSession;
  /** The model on this device, loaded first where it is not there yet. */
  open(use: ModelUse, signal: AbortSignal): Promise<ChatModel>;
  /** To be called when a job has something that it would not have to do again: losses before no longer count. */
  progress(): void;
}

interface OpenGpu extends Gpu {
  readonly health: SessionHealth;
  /** By the key of their uses. */
  readonly models: Map<string, Promise<ChatModel>>;
}

export interface HostOptions {
  /** Kernel variants: `default`, `none`, or a list such as `subgroups,f16`. */
  readonly features: string;
  /** Of all models, in place of their own. */
  readonly blockSize?: number | undefined;
}

export interface HostPorts {
  readonly store: StorePorts;
  readonly hangLimits?: HangLimits;
}

/** How long what fails with its device may take to do so. */
const LONGEST_FAILING_MS = 2000;

export class GpuHost {
  /** Of all models and texts on the device, whichever it is. */
  readonly memory = new MemoryBudget();
  readonly #post: (event: WorkerEvent) => void;
  readonly #ports: HostPorts;
  readonly #onIdleLoss: () => void;
  readonly #recovery: Recovery;
  readonly #uses = new Set<ModelUse>();
  #options: HostOptions = { features: "default" };
  #gpu: OpenGpu | undefined;
  #isRunning = false;

  /** @param onIdleLoss hears of a device that is lost while no job runs; the next job opens another */
  constructor(post: (event: WorkerEvent) => void, ports: HostPorts, onIdleLoss: () => void) {
    this.#post = post;
    this.#ports = ports;
    this.#onIdleLoss = onIdleLoss;
    this.#recovery = new Recovery(post);
  }

  /** The device that is open now. */
  get gpu(): Gpu | undefined {
    return this.#gpu;
  }

  /** Whether a device is open that was opened so. */
  isOpenWith({ features, blockSize }: HostOptions): boolean {
    return this.#gpu !== undefined && this.#options.features === features && this.#options.blockSize === blockSize;
  }

  /** Closes the device and all models; the next job opens another with these options. */
  restart(options: HostOptions): void {
    this.close();
    this.#options = options;
    this.#recovery.forget();
  }

  /** Closes the device and all models. */
  close(): void {
    this.#gpu?.session.close();
    this.#gpu = undefined;
  }

  /** Goes on after it was told that the GPU is given up; with smaller blocks, if told so. */
  resume(blockSize: number | null): void {
    if (blockSize !== null) this.#options = { ...this.#options, blockSize };
    this.#recovery.resume();
  }

  /** Has the job fail that waits for a GPU or for `resume`. */
  giveUp(): void {
    this.#recovery.giveUp();
  }

  /** Names a model that jobs will open; nothing is fetched before. Belongs to the caller, who closes it. */
  use(modelUrl: string, options: UseOptions = {}): ModelUse {
    const use = new ModelUse(modelUrl, options, this.#ports.store, (closed) => this.#release(closed));
    this.#uses.add(use);
    return use;
  }

  /** Ends the pauses of all downloads. */
  tryNow(): void {
    for (const use of this.#uses) use.tryNow();
  }

  /** What `work` gives, and what it throws. When the GPU fails meanwhile, `work` is called again on another one, as often as
   * that helps: it never throws a GpuFailureError but after `giveUp`. The signal ends waiting for a GPU. */
  async run<Result>(work: (gpu: Gpu) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    this.#isRunning = true;
    try {
      for (;;) {
        this.#gpu ??= await this.#recovery.open(() => this.#openGpu(), signal);
        const gpu = this.#gpu;
        const working = work(gpu);
        try {
          const result = await gpu.health.during(working);
          this.#recovery.settle();
          return result;
        } catch (error) {
          if (error instanceof GpuFailureError) {
            this.close();
            await failing(working);
            await this.#recovery.take(error, signal);
          } else if (!(await this.#recovery.takeDownload(error, signal))) {
            throw error;
          }
        }
      }
    } finally {
      this.#isRunning = false;
      this.#tellLedger();
    }
  }

  /** Of the device: also what models take that have a ledger of their own. */
  #tellLedger(): void {
    if (!this.#gpu) return;
    const { session } = this.#gpu;
    const lines = [...session.sessions].flatMap(({ ledger }) => ledger.totals());
    this.#post({ kind: "ledger", lines: sumByKind(lines) });
    this.#post({ kind: "counters", counters: { ...session.counters } });
  }

  async #openGpu(): Promise<OpenGpu> {
    const { features, blockSize } = this.#options;
    const choice = parseFeatureChoice(features);
    const session = await GpuSession.open(navigator.gpu, {
      shaders: bundledShaders,
      features: choice,
      memory: this.memory,
    });
    this.#post({ kind: "gpuOpened", report: describeGpu(session) });
    const health = new SessionHealth(session, this.#ports.hangLimits ?? HANG_LIMITS);
    const models = new Map<string, Promise<ChatModel>>();
    const gpu: OpenGpu = {
      session,
      health,
      models,
      open: (use, signal) => {
        let model = models.get(use.key);
        if (!model) {
          model = use.load(session, { signal, lost: health.signal, blockSize });
          models.set(use.key, model);
          model.catch(() => models.delete(use.key));
        }
        return model;
      },
      progress: () => this.#recovery.progress(),
    };
    health.broken.catch((error: unknown) => {
      if (this.#gpu !== gpu || this.#isRunning) return;
      this.close();
      this.#recovery.takeIdle(error as GpuFailureError);
      this.#onIdleLoss();
    });
    return gpu;
  }

  #release(use: ModelUse): void {
    this.#uses.delete(use);
    if ([...this.#uses].some(({ key }) => key === use.key)) return;
    const model = this.#gpu?.models.get(use.key);
    this.#gpu?.models.delete(use.key);
    void model?.then(
      (chat) => chat.model.destroy(),
      () => undefined,
    );
  }
}

/** Waits until work on a closed device has failed, so that it tells nothing any more. */
async function failing(work: Promise<unknown>): Promise<void> {
  const failed = work.then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, LONGEST_FAILING_MS))]);
}
