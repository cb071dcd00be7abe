// The largest and smallest sizes that the kernels and their bindings bear, for either form of the config.

import type { NumberRange } from "./config-fields.ts";

export const CONFIG_LIMITS = {
  vocabSize: { min: 1, max: 200_064 },
  hiddenSize: { min: 32, max: 16_384, multipleOf: 32 },
  intermediateSize: { min: 4, max: 65_536, multipleOf: 4 },
  numLayers: { min: 1, max: 64 },
  numHeads: { min: 1, max: 256 },
  headDim: { min: 16, max: 128, multipleOf: 4 },
  numExperts: { min: 1, max: 32 },
  rmsNormEps: { min: 0, max: 1 },
  ropeTheta: { min: 1 },
  positions: { min: 1 },
} as const satisfies Record<string, NumberRange>;

export const MAX_EXPERTS_PER_TOKEN = 8;
export const MAX_END_TOKENS = 8;
