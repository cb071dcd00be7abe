// Owns the GPU and the models on it. Parts name the models they use, and have jobs run; a job opens what it needs, and finds
// it there if it was open already.

import type { ChatModel } from "../chat/chat-model.ts";
import { parseFeatureChoice } from "../gpu/features.ts";
import { sumByKind } from "../gpu/ledger.ts";
import { GpuSession } from "../gpu/session.ts";
import type { StorePorts } from "../store/weight-store.ts";
import { bundledShaders } from "./bundled-shaders.ts";
import type { WorkerEvent } from "./messages.ts";
import { ModelUse, type UseOptions } from "./model-use.ts";
import { GpuFailureError, type SessionHealth, watchSession } from "./session-health.ts";

/** One device, as jobs have it. Another one is another object: what was made on this one is then gone. */
export interface Gpu {
  readonly session: GpuSession;
  /** The model on this device, loaded first where it is not there yet. */
  open(use: ModelUse, signal: AbortSignal): Promise<ChatModel>;
}

interface OpenGpu extends Gpu {
  readonly health: SessionHealth;
  /** By the key of their uses. */
  readonly models: Map<string, Promise<ChatModel>>;
  /** The device's, and those beside it. */
  readonly sessions: Set<GpuSession>;
}

export interface HostOptions {
  /** Kernel variants: `default`, `none`, or a list such as `subgroups,f16`. */
  readonly features: string;
}

export class GpuHost {
  readonly #post: (event: WorkerEvent) => void;
  readonly #storePorts: StorePorts;
  /** Hears of a device that is lost while no job runs. */
  readonly #onIdleLoss: (error: unknown) => void;
  readonly #uses = new Set<ModelUse>();
  #options: HostOptions = { features: "default" };
  #gpu: OpenGpu | undefined;
  #isRunning = false;

  constructor(post: (event: WorkerEvent) => void, storePorts: StorePorts, onIdleLoss: (error: unknown) => void) {
    this.#post = post;
    this.#storePorts = storePorts;
    this.#onIdleLoss = onIdleLoss;
  }

  /** The device that is open now. */
  get gpu(): Gpu | undefined {
    return this.#gpu;
  }

  /** Closes the device and all models; the next job opens another with these options. */
  restart(options: HostOptions): void {
    this.close();
    this.#options = options;
  }

  /** Closes the device and all models. */
  close(): void {
    this.#gpu?.session.close();
    this.#gpu = undefined;
  }

  /** Names a model that jobs will open; nothing is fetched before. Belongs to the caller, who closes it. */
  use(modelUrl: string, options: UseOptions = {}): ModelUse {
    const use = new ModelUse(modelUrl, options, this.#storePorts, (closed) => this.#release(closed));
    this.#uses.add(use);
    return use;
  }

  /** Ends the pauses of all downloads. */
  tryNow(): void {
    for (const use of this.#uses) use.tryNow();
  }

  /** What `work` gives, and what it throws; a GpuFailureError when the device fails meanwhile, which is then closed. */
  async run<Result>(work: (gpu: Gpu) => Promise<Result>): Promise<Result> {
    this.#isRunning = true;
    try {
      this.#gpu ??= await this.#openGpu();
      return await this.#gpu.health.during(work(this.#gpu));
    } catch (error) {
      if (error instanceof GpuFailureError) this.close();
      throw error;
    } finally {
      this.#isRunning = false;
      this.#tellLedger();
    }
  }

  /** Of the device: also what models take that have a ledger of their own. */
  #tellLedger(): void {
    if (!this.#gpu) return;
    const lines = [...this.#gpu.sessions].flatMap(({ ledger }) => ledger.totals());
    this.#post({ kind: "ledger", lines: sumByKind(lines) });
  }

  async #openGpu(): Promise<OpenGpu> {
    const features = parseFeatureChoice(this.#options.features);
    const session = await GpuSession.open(navigator.gpu, { shaders: bundledShaders, features });
    const health = watchSession(session);
    const models = new Map<string, Promise<ChatModel>>();
    const sessions = new Set([session]);
    const gpu: OpenGpu = {
      session,
      health,
      models,
      sessions,
      open: (use, signal) => {
        let model = models.get(use.key);
        if (!model) {
          model = use.load(session, signal);
          models.set(use.key, model);
          model.then(
            (chat) => sessions.add(chat.model.session),
            () => models.delete(use.key),
          );
        }
        return model;
      },
    };
    health.broken.catch((error: unknown) => {
      if (this.#gpu !== gpu || this.#isRunning) return;
      this.close();
      this.#onIdleLoss(error);
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
