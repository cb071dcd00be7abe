// What `shaders/moe_down.wgsl` computes, in float64.

import { linear, silu, type Weight } from "../vector.ts";
import type { SortedSlots } from "./moe-sort.ts";

/** Each place's silu(first half) ⊙ second half of up (num_tokens · experts_per_token, 2 · intermediate_size) times its
 * expert of down_proj (num_experts, hidden_size, intermediate_size) → (num_tokens · experts_per_token, hidden_size), by slot. */
export function moeDown(
  up: Weight,
  { expertOffsets, sortedSlots }: SortedSlots,
  downProj: Weight,
  intermediateSize: number,
): Float64Array {
  const numExperts = expertOffsets.length - 1;
  const expertSize = downProj.length / numExperts;
  const hiddenSize = expertSize / intermediateSize;
  const down = new Float64Array(sortedSlots.length * hiddenSize);
  for (let expert = 0; expert < numExperts; expert++) {
    const matrix = downProj.subarray(expert * expertSize, (expert + 1) * expertSize);
    for (let place = expertOffsets[expert]; place < expertOffsets[expert + 1]; place++) {
      const both = Float64Array.from(up.subarray(place * 2 * intermediateSize, (place + 1) * 2 * intermediateSize));
      const activated = both.subarray(0, intermediateSize).map((w1, i) => silu(w1) * both[intermediateSize + i]);
      down.set(linear(activated, matrix, hiddenSize), sortedSlots[place] * hiddenSize);
    }
  }
  return down;
}
