// The models that are compared: named by the page, opened together once it agrees, each with a ledger of its own.

import type { ChatModel } from "../chat/chat-model.ts";
import type { Gpu, GpuHost } from "./gpu-host.ts";
import type { ComparedSize } from "./messages-compare.ts";
import type { ModelEvent } from "./messages-model.ts";
import type { WorkerEvent } from "./messages.ts";
import type { ModelUse } from "./model-use.ts";

/** Points of a race's chart lie so far apart. */
const BLOCK_SIZE = 128;

interface Chosen {
  readonly use: ModelUse;
  size: ComparedSize | undefined;
  loadedBytes: number;
}

export class CompareModels {
  readonly #host: GpuHost;
  readonly #post: (event: WorkerEvent) => void;
  #chosen: readonly Chosen[] = [];

  constructor(host: GpuHost, post: (event: WorkerEvent) => void) {
    this.#host = host;
    this.#post = post;
  }

  /** Closes those that were chosen before. */
  choose(modelUrls: readonly string[]): void {
    for (const { use } of this.#chosen) use.close();
    this.#chosen = modelUrls.map((modelUrl) => {
      const chosen: Chosen = {
        use: this.#host.use(modelUrl, {
          model: { blockSize: BLOCK_SIZE },
          ownLedger: true,
          asksFirst: true,
          tell: (event) => this.#hear(chosen, event),
        }),
        size: undefined,
        loadedBytes: 0,
      };
      return chosen;
    });
  }

  /** Has the weights fetched. */
  agree(): void {
    for (const { use } of this.#chosen) use.agree();
  }

  /** All of them on this device. Throws what the files and the signal throw. */
  async open(gpu: Gpu, signal: AbortSignal): Promise<readonly ChatModel[]> {
    if (this.#chosen.length === 0) throw new RangeError("compare: expected models, got none");
    const opening = this.#chosen.map(({ use }) => gpu.open(use, signal));
    // Of several that fail the first is told.
    for (const model of opening) model.catch(() => undefined);
    return Promise.all(opening);
  }

  #hear(chosen: Chosen, event: ModelEvent): void {
    switch (event.kind) {
      case "size": {
        chosen.size = { name: event.name, totalBytes: event.totalBytes, keptBytes: event.keptBytes };
        const sizes = this.#chosen.flatMap(({ size }) => size ?? []);
        if (sizes.length === this.#chosen.length) this.#post({ kind: "compareSize", models: sizes });
        return;
      }
      case "loading":
        if (event.phase !== "weights") return;
        chosen.loadedBytes = event.loadedBytes;
        return this.#post({
          kind: "compareLoading",
          loadedBytes: this.#chosen.reduce((sum, { loadedBytes }) => sum + loadedBytes, 0),
          totalBytes: this.#chosen.reduce((sum, { size }) => sum + (size?.totalBytes ?? 0), 0),
        });
      default:
        // Pauses of a download end by themselves, and what is kept shows at the next visit.
        return;
    }
  }
}
