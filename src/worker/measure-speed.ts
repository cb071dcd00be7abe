// How fast a model reads, measured on the first tokens of a text, so that a time can be told before it is read.

import { isSoftwareAdapter } from "../gpu/adapter-name.ts";
import type { Model } from "../model/model.ts";

export interface Speed {
  readonly msPerToken: number;
  /** The position where it was measured. */
  readonly at: number;
}

/** A processor that plays GPU reads some tokens a second. */
const SOFTWARE_TOKENS = 16;

/** Reads up to a block on a sequence of its own, twice on a GPU: the first time warms it up. */
export async function measureSpeed(model: Model, ids: Uint32Array): Promise<Speed> {
  const isSoftware = isSoftwareAdapter(model.session.adapterInfo);
  const block = ids.subarray(0, isSoftware ? SOFTWARE_TOKENS : model.blockSize);
  const sequence = await model.createSequence(2 * block.length);
  if (!isSoftware) await sequence.prefill(block, { output: "none" });
  const startTime = performance.now();
  await sequence.prefill(block, { output: "none" });
  const msPerToken = (performance.now() - startTime) / block.length;
  sequence.destroy();
  return { msPerToken, at: block.length };
}
