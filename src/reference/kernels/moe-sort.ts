// What `shaders/moe_sort.wgsl` computes.

import type { Numbers } from "../vector.ts";

export interface SortedSlots {
  /** (num_experts + 1): expert e has the places expertOffsets[e] to expertOffsets[e + 1] of sortedSlots. */
  readonly expertOffsets: number[];
  /** (num_tokens · experts_per_token), ascending within an expert. */
  readonly sortedSlots: number[];
}

/** Slots sorted by expert_ids (num_tokens · experts_per_token). */
export function moeSort(expertIds: Numbers, numExperts: number): SortedSlots {
  const expertOffsets = [0];
  const sortedSlots: number[] = [];
  for (let expert = 0; expert < numExperts; expert++) {
    for (let slot = 0; slot < expertIds.length; slot++) if (expertIds[slot] === expert) sortedSlots.push(slot);
    expertOffsets.push(sortedSlots.length);
  }
  return { expertOffsets, sortedSlots };
}
