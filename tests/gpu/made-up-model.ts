// A small model with seeded weights, for tests of everything above the kernels.

import type { ModelConfig } from "../../src/checkpoint/model-config.ts";
import { encodeRows } from "../../src/checkpoint/quantize.ts";
import { formatOf, planTensors } from "../../src/checkpoint/tensor-plan.ts";
import type { WeightFormat, WeightSource } from "../../src/checkpoint/weight-source.ts";
import { createRandom, randomArray } from "./harness.ts";

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
  return new Map(
    planTensors(config).map(({ name, kind, shape }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      if (kind === "norm") return [name, randomArray(random, length, 0.1).map((value) => value + 1)];
      const scale = name.includes("embed_tokens") ? 1 : Math.sqrt(3 / shape.at(-1)!);
      return [name, randomArray(random, length, scale)];
    }),
  );
}

export function createMadeUpSource(
  config: ModelConfig,
  weights: ReadonlyMap<string, Float32Array>,
  quant: WeightFormat = "f32",
): WeightSource {
  const encoded = new Map(
    planTensors(config).map(({ name, kind, shape }) => {
      const format = formatOf(kind, quant);
      const values = weights.get(name)!;
      const numColumns = shape.at(-1)!;
      return [name, { shape, format, bytes: encodeRows(format, values, values.length / numColumns, numColumns) }];
    }),
  );
  return {
    config,
    tensors: new Map(
      [...encoded].map(([name, { shape, format, bytes }]) => {
        return [name, { name, format, shape, sizeBytes: bytes.length }];
      }),
    ),
    async *read(name) {
      yield encoded.get(name)!.bytes;
    },
  };
}
