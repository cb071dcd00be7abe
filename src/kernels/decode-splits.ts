// How one token's keys are split over workgroups (shaders/common/decode_splits.wgsl).

import type { GpuSession } from "../gpu/session.ts";
import { isProcessor } from "./matvec.ts";

/** With two KV heads two workgroups for each multiprocessor of a large GPU; more would take longer to combine. */
const GPU_SPLITS = 128;
/** A processor that plays GPU has few cores to fill, and each workgroup costs. */
const PROCESSOR_SPLITS = 4;
/** Keys of a split are a multiple of what a workgroup takes at once. */
const SPLIT_UNIT = 128;

/** Splits at most, as many as fill the GPU. */
export function fillingSplits(session: GpuSession): number {
  return isProcessor(session) ? PROCESSOR_SPLITS : GPU_SPLITS;
}

/** What the shader needs. */
export function decodeSplitConstants(maxSplits: number) {
  return { MAX_SPLITS: maxSplits, SPLIT_UNIT };
}
