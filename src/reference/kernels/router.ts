// What `shaders/router.wgsl` computes, in float64.

import { route } from "../model.ts";
import { linear, type Numbers, rmsNorm, type Weight } from "../vector.ts";

export interface Routes {
  /** rms_norm(hidden), (num_tokens, hidden_size) */
  readonly normed: Float64Array;
  /** (num_tokens, num_experts), before the softmax */
  readonly routerLogits: Float64Array;
  /** (num_tokens, experts_per_token), the largest first */
  readonly expertIds: number[];
  /** (num_tokens, experts_per_token) */
  readonly expertWeights: number[];
}

/** The norm of hidden (num_tokens, hidden_size), and the experts of each token by gate (num_experts, hidden_size).
 * @param norm the norm's weight, (hidden_size) */
export function router(
  hidden: Numbers,
  norm: Numbers,
  eps: number,
  gate: Weight,
  numExperts: number,
  expertsPerToken: number,
): Routes {
  const normed = rmsNorm(hidden, norm, eps);
  const routerLogits = linear(normed, gate, numExperts);
  const numTokens = routerLogits.length / numExperts;
  const routes = Array.from({ length: numTokens }, (_, token) =>
    route(routerLogits.subarray(token * numExperts, (token + 1) * numExperts), expertsPerToken),
  );
  return {
    normed,
    routerLogits,
    expertIds: routes.flatMap(({ expertIds }) => expertIds),
    expertWeights: routes.flatMap(({ expertWeights }) => expertWeights),
  };
}
