// A small model with seeded weights, for tests of everything above the kernels.

import { createRandom, createValueSource, makeUpValues } from "../../src/bench/made-up-source.ts";
import type { ModelConfig } from "../../src/checkpoint/model-config.ts";
import { planTensors } from "../../src/checkpoint/tensor-plan.ts";
import type { WeightFormat, WeightSource } from "../../src/checkpoint/weight-source.ts";

/** Two lightning layers around a softmax layer, four experts; the vocabulary is the shipped tokenizer's. */
export const MADE_UP_CONFIG: ModelConfig = {
  vocabSize: 8192,
  hiddenSize: 32,
  intermediateSize: 32,
  numLayers: 3,
  numHeads: 2,
  numKvHeads: 1,
  headDim: 16,
  numExperts: 4,
  expertsPerToken: 2,
  rmsNormEps: 1e-5,
  layerTypes: ["linear_attention", "full_attention", "linear_attention"],
  ropeTheta: 10_000,
  rotaryFrequencies: 8,
  linearAttentionAlpha: 1,
  linearAttentionBeta: 1,
  fullAttentionAlpha: 1,
  fullAttentionBeta: 1,
  mlpAlpha: 1,
  mlpBeta: 1,
  tieWordEmbeddings: false,
  maxPositionEmbeddings: 1 << 20,
  trainedContextLength: 512,
  endTokenIds: [2],
};

/** The weights' values by tensor name, (rows, columns) each; norms are about 1, the rest keeps the size of its input. */
export function createMadeUpWeights(config: ModelConfig, seed: number): Map<string, Float32Array> {
  const random = createRandom(seed);
  return new Map(planTensors(config).map((tensor) => [tensor.name, makeUpValues(tensor, random)]));
}

export function createMadeUpSource(
  config: ModelConfig,
  weights: ReadonlyMap<string, Float32Array>,
  quant: WeightFormat = "f32",
): WeightSource {
  return createValueSource(config, quant, ({ name }) => weights.get(name)!);
}
