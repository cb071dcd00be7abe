// The dispatches of one decode step: reads the pending token and draws the next.

import type { Pass } from "./pass.ts";
import type { PassTensors } from "./pass-tensors.ts";
import { createPrefillPass } from "./prefill-pass.ts";

/** Builds the pass over a sequence's state; its bind groups are good until a KV segment is added. */
export function createDecodePass(tensors: PassTensors): Promise<Pass> {
  return createPrefillPass(tensors, "last");
}
