import type { ChatModel } from "../chat/chat-model.ts";
import { growthOf } from "./document-outline.ts";
import type { Gpu } from "./gpu-host.ts";
import { measureSpeed, type Speed } from "./measure-speed.ts";

/** How fast the GPU in use reads; of another GPU nothing is known. */
export class SpeedGauge {
  #gpu: Gpu | undefined;
  #speed: Speed | undefined;

  /** As it was measured, or measured now where a text of this length tells more. */
  async speedFor(gpu: Gpu, chat: ChatModel, ids: Uint32Array, signal: AbortSignal): Promise<Speed> {
    const known = this.#gpu === gpu ? this.#speed : undefined;
    if (known && known.textLength >= ids.length) return known;
    const speed = await measureSpeed(chat.model, ids, { assumedGrowth: growthOf(chat), signal });
    this.#gpu = gpu;
    this.#speed = speed;
    return speed;
  }

  /** See Speed. */
  growthOn(gpu: Gpu, chat: ChatModel): number {
    return (this.#gpu === gpu ? this.#speed?.growth : undefined) ?? growthOf(chat);
  }
}
