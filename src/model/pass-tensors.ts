// Everything that the dispatches of a pass are bound to: the model's part and one sequence's part.

import type { Tensor } from "../gpu/tensor.ts";
import type { KeyWindow } from "../kernels/key-window.ts";
import type { KvSegment } from "./kv-cache.ts";
import type { Model } from "./model.ts";

export interface PassTensors {
  readonly model: Model;
  readonly call: Tensor;
  readonly step: Tensor;
  /** By lightning layer: (numHeads, headDim, headDim) */
  readonly recurrentStates: ReadonlyMap<number, Tensor>;
  /** (vocabSize) u32 */
  readonly tokenCounts: Tensor;
  readonly segments: readonly KvSegment[];
  readonly keyWindow: KeyWindow | undefined;
}
