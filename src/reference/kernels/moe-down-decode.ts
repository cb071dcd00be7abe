// What `shaders/moe_down_decode.wgsl` computes, in float64.

import { linear, type Numbers, rmsNorm } from "../vector.ts";

export interface MoeDownDecodeInputs {
  /** (hidden_size) */
  readonly hidden: Numbers;
  readonly norm: Numbers;
  readonly eps: number;
  readonly expertIds: readonly number[];
  readonly expertWeights: readonly number[];
  /** (experts_per_token, intermediate_size) */
  readonly up: Float64Array;
  /** (num_experts, hidden_size, intermediate_size) */
  readonly downProj: Float32Array;
  readonly alpha: number;
  readonly beta: number;
}

/** Gives hidden_next (hidden_size). */
export function moeDownDecode(inputs: MoeDownDecodeInputs): Float64Array {
  const { hidden, norm, eps, expertIds, expertWeights, up, downProj, alpha, beta } = inputs;
  const intermediateSize = up.length / expertIds.length;
  const expertSize = hidden.length * intermediateSize;
  const next = rmsNorm(hidden, norm, eps).map((x) => alpha * x);
  for (const [choice, expert] of expertIds.entries()) {
    const input = up.subarray(choice * intermediateSize, (choice + 1) * intermediateSize);
    const down = linear(input, downProj.subarray(expert * expertSize, (expert + 1) * expertSize), hidden.length);
    for (let i = 0; i < next.length; i++) next[i]! += beta * expertWeights[choice]! * down[i]!;
  }
  return next;
}
