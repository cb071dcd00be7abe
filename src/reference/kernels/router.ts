// What `shaders/router.wgsl` computes, in float64.

import { route } from "../model.ts";
import { linear, type Numbers, type Weight } from "../vector.ts";

export interface Routes {
  /** (num_tokens, num_experts), before the softmax */
  readonly routerLogits: Float64Array;
  /** (num_tokens, experts_per_token), the largest first */
  readonly expertIds: number[];
  /** (num_tokens, experts_per_token) */
  readonly expertWeights: number[];
}

/** Experts of each token of x (num_tokens, hidden_size) by gate (num_experts, hidden_size). */
export function router(x: Numbers, gate: Weight, numExperts: number, expertsPerToken: number): Routes {
  const routerLogits = linear(x, gate, numExperts);
  const numTokens = routerLogits.length / numExperts;
  const routes = Array.from({ length: numTokens }, (_, token) =>
    route(routerLogits.subarray(token * numExperts, (token + 1) * numExperts), expertsPerToken),
  );
  return {
    routerLogits,
    expertIds: routes.flatMap(({ expertIds }) => expertIds),
    expertWeights: routes.flatMap(({ expertWeights }) => expertWeights),
  };
}
