// What `shaders/moe_up.wgsl` computes, in float64.

import { linear, type Weight } from "../vector.ts";
import type { SortedSlots } from "./moe-sort.ts";

/** Each slot's token of x (num_tokens, hidden_size) times its expert of gate_up_proj (num_experts, num_rows, hidden_size)
 * → (num_tokens · experts_per_token, num_rows), in the order of sortedSlots. */
export function moeUp(
  x: Weight,
  { expertOffsets, sortedSlots }: SortedSlots,
  gateUpProj: Weight,
  hiddenSize: number,
  expertsPerToken: number,
): Float64Array {
  const numExperts = expertOffsets.length - 1;
  const expertSize = gateUpProj.length / numExperts;
  const numRows = expertSize / hiddenSize;
  const up = new Float64Array(sortedSlots.length * numRows);
  for (let expert = 0; expert < numExperts; expert++) {
    const matrix = gateUpProj.subarray(expert * expertSize, (expert + 1) * expertSize);
    for (let place = expertOffsets[expert]; place < expertOffsets[expert + 1]; place++) {
      const token = Math.floor(sortedSlots[place] / expertsPerToken);
      const input = x.subarray(token * hiddenSize, (token + 1) * hiddenSize);
      up.set(linear(input, matrix, numRows), place * numRows);
    }
  }
  return up;
}
