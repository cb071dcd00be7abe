// A pass: the dispatches that read one block of tokens or decode one, as plain data, and where its tensors can be tapped.

import type { Dispatch } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** A tensor that holds what `name` says once the dispatch at `afterIndex` ran. Names are those of the reference's taps. */
export interface TapPoint {
  /** e.g. `hidden.3`: the input of layer 3. */
  readonly name: string;
  readonly afterIndex: number;
  /** Label of the dispatch that computed it, e.g. `layer 3 lightning_output`. */
  readonly kernel: string;
  readonly tensor: Tensor;
}

export interface Pass {
  readonly dispatches: readonly Dispatch[];
  readonly tapPoints: readonly TapPoint[];
}

/** Collects dispatches in order. */
export class PassBuilder {
  readonly dispatches: Dispatch[] = [];
  readonly tapPoints: TapPoint[] = [];

  add(dispatch: Dispatch): void {
    this.dispatches.push(dispatch);
  }

  /** Names what the last dispatch wrote, and the dispatch before if that one computed it. */
  tap(name: string, tensor: Tensor, kernel = this.dispatches.at(-1)!.label): void {
    this.tapPoints.push({ name, afterIndex: this.dispatches.length - 1, kernel, tensor });
  }
}
