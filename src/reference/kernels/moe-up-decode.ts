// What `shaders/moe_up_decode.wgsl` computes, in float64.

import { route } from "../model.ts";
import { linear, type Numbers, rmsNorm, silu } from "../vector.ts";

export interface MoeUpDecodeResult {
  readonly expertIds: readonly number[];
  readonly expertWeights: readonly number[];
  /** (experts_per_token, intermediate_size) */
  readonly up: Float64Array;
}

/** hidden and norm (hidden_size), router (num_experts, hidden_size), gateUpProj (num_experts, 2 · intermediate_size, hidden_size). */
export function moeUpDecode(
  hidden: Numbers,
  norm: Numbers,
  router: Float32Array,
  gateUpProj: Float32Array,
  { eps, numExperts, expertsPerToken }: { eps: number; numExperts: number; expertsPerToken: number },
): MoeUpDecodeResult {
  const x = rmsNorm(hidden, norm, eps);
  const chosen = route(linear(x, router, numExperts), expertsPerToken);
  const expertSize = gateUpProj.length / numExperts;
  const intermediateSize = expertSize / x.length / 2;
  const up = new Float64Array(expertsPerToken * intermediateSize);
  for (const [choice, expert] of chosen.expertIds.entries()) {
    const both = linear(x, gateUpProj.subarray(expert * expertSize, (expert + 1) * expertSize), 2 * intermediateSize);
    for (let i = 0; i < intermediateSize; i++) {
      up[choice * intermediateSize + i] = silu(both[i]!) * both[intermediateSize + i]!;
    }
  }
  return { ...chosen, up };
}
