// What `shaders/experts_decode.wgsl` computes, in float64.

import { route } from "../model.ts";
import { linear, type Numbers, rmsNorm, silu } from "../vector.ts";

export interface ExpertsDecodeWeights {
  /** (hidden_size), with its eps */
  readonly norm: Numbers;
  readonly eps: number;
  /** (num_experts, hidden_size) */
  readonly router: Float32Array;
  /** (num_experts, 2 · intermediate_size, hidden_size) */
  readonly gateUpProj: Float32Array;
  /** (num_experts, hidden_size, intermediate_size) */
  readonly downProj: Float32Array;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

/** The normed input of one token, and the weighted sum of its experts' outputs, both (hidden_size). */
export function expertsDecode(
  hidden: Numbers,
  { norm, eps, router, gateUpProj, downProj, numExperts, expertsPerToken }: ExpertsDecodeWeights,
): { residual: Float64Array; output: Float64Array } {
  const residual = rmsNorm(hidden, norm, eps);
  const { expertIds, expertWeights } = route(linear(residual, router, numExperts), expertsPerToken);
  const upSize = gateUpProj.length / numExperts;
  const downSize = downProj.length / numExperts;
  const intermediateSize = downSize / residual.length;
  const output = new Float64Array(residual.length);
  for (const [choice, expert] of expertIds.entries()) {
    const both = linear(residual, gateUpProj.subarray(expert * upSize, (expert + 1) * upSize), 2 * intermediateSize);
    const up = Float64Array.from({ length: intermediateSize }, (_, i) => silu(both[i]!) * both[intermediateSize + i]!);
    const down = linear(up, downProj.subarray(expert * downSize, (expert + 1) * downSize), residual.length);
    for (let i = 0; i < output.length; i++) output[i]! += expertWeights[choice]! * down[i]!;
  }
  return { residual, output };
}
