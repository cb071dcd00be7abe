// Brings a model's files to the engine, and tells the page how: how much there is, where it comes from, why nothing comes.

import { readManifest } from "../chat/chat-model.ts";
import type { Manifest } from "../checkpoint/manifest.ts";
import type { ModelFiles } from "../checkpoint/model-files.ts";
import { type StorePorts, WeightStore } from "../store/weight-store.ts";
import type { ByteOrigin, ModelEvent } from "./messages-model.ts";

/** Shortest time between two `loading` events, unless their bytes come from elsewhere. */
const PROGRESS_INTERVAL_MS = 50;

export class ModelDownload {
  readonly #tell: (event: ModelEvent) => void;
  readonly #ports: StorePorts;
  readonly #signal: AbortSignal;
  #store: WeightStore | undefined;
  #manifest: Manifest | undefined;
  #totalBytes = 0;
  #loadedBytes = 0;
  #origin: ByteOrigin | undefined;
  #lastToldMs = 0;
  #agree = () => {};

  /** @param signal ends it, without a word */
  constructor(post: (event: ModelEvent) => void, ports: StorePorts, signal: AbortSignal) {
    this.#tell = (event) => {
      if (!signal.aborted) post(event);
    };
    this.#ports = ports;
    this.#signal = signal;
  }

  /** Of all weights. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Reads the manifest, tells its size and waits until the page agrees, if it is to be asked. Throws what the files throw. */
  async begin(
    modelUrl: string,
    asksFirst: boolean,
  ): Promise<{ readonly manifest: Manifest; readonly files: ModelFiles }> {
    const store = await WeightStore.open(modelUrl, this.#ports, {
      onPause: ({ problem, message, ms }) => this.#tell({ kind: "paused", problem, message, pauseMs: ms }),
      onResume: () => this.#tell({ kind: "resumed" }),
      onOrigin: (origin) => this.#change(origin),
      onKeeping: (keeping) => this.#tell({ kind: "keeping", keeping }),
    });
    this.#store = store;
    const manifest = await readManifest(store, this.#signal);
    this.#manifest = manifest;
    this.#totalBytes = manifest.shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const keptBytes = await store.keptBytes(manifest);
    const agreed = new Promise<void>((resolve, reject) => {
      this.#agree = resolve;
      this.#signal.addEventListener("abort", () => reject(this.#signal.reason as Error));
    });
    this.#tell({ kind: "size", name: manifest.name, totalBytes: this.#totalBytes, keptBytes });
    if (asksFirst) await agreed;
    else agreed.catch(() => undefined);
    return { manifest, files: store };
  }

  agree(): void {
    this.#agree();
  }

  /** Ends a pause before the next try. */
  tryNow(): void {
    this.#store?.tryNow();
  }

  /** Takes the progress of reading the weights. */
  advance(loadedBytes: number): void {
    const now = performance.now();
    this.#loadedBytes = loadedBytes;
    if (loadedBytes < this.#totalBytes && now - this.#lastToldMs < PROGRESS_INTERVAL_MS) return;
    this.#lastToldMs = now;
    this.#tellProgress();
  }

  /** To be called when everything was read: it is now the version that is kept. */
  async finish(): Promise<void> {
    if (!this.#store || !this.#manifest) return;
    await this.#store.keepVersion(this.#manifest);
    this.#tell({ kind: "keeping", keeping: this.#store.keeping });
  }

  /** Gives up the files; they can be read no more. */
  close(): void {
    this.#store?.close();
  }

  #change(origin: ByteOrigin): void {
    if (origin === this.#origin) return;
    this.#origin = origin;
    this.#tellProgress();
  }

  #tellProgress(): void {
    const [loadedBytes, totalBytes, origin] = [this.#loadedBytes, this.#totalBytes, this.#origin];
    if (origin) this.#tell({ kind: "loading", phase: "weights", loadedBytes, totalBytes, origin });
  }
}
