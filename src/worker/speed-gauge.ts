import type { Gpu } from "./gpu-host.ts";
import type { Speed } from "./measure-speed.ts";

/** How fast the GPU in use reads, as it was measured last; of another GPU nothing is known. */
export class SpeedGauge {
  #gpu: Gpu | undefined;
  #speed: Speed | undefined;

  of(gpu: Gpu): Speed | undefined {
    return this.#gpu === gpu ? this.#speed : undefined;
  }

  note(gpu: Gpu, speed: Speed): void {
    this.#gpu = gpu;
    this.#speed = speed;
  }
}
