// Weights of a model's shape and format without the model: what a kernel costs does not depend on their values. Made when
// they are read, so that no copy of them stays in memory.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import { encodeRows } from "../checkpoint/quantize.ts";
import { formatOf, type PlannedTensor, planTensors } from "../checkpoint/tensor-plan.ts";
import {
  rowStrideBytes,
  type WeightFormat,
  type WeightSource,
  type WeightTensor,
} from "../checkpoint/weight-source.ts";

/** A source of given values; `valuesOf` is called whenever a tensor is read. */
export function createValueSource(
  config: ModelConfig,
  quant: WeightFormat,
  valuesOf: (tensor: PlannedTensor) => Float32Array,
): WeightSource {
  const planned = new Map(planTensors(config).map((tensor) => [tensor.name, tensor]));
  return {
    config,
    tensors: new Map([...planned].map(([name, tensor]) => [name, toWeightTensor(tensor, quant)])),
    async *read(name) {
      const tensor = planned.get(name);
      if (!tensor) throw new RangeError(`${name}: expected a tensor of the config, got none`);
      const numColumns = tensor.shape.at(-1)!;
      const values = valuesOf(tensor);
      yield encodeRows(formatOf(tensor.kind, quant), values, values.length / numColumns, numColumns);
    },
  };
}

/** Seeded weights of the size of trained ones, so that nothing overflows. */
export function createMadeUpSource(config: ModelConfig, quant: WeightFormat, seed = 1): WeightSource {
  const names = planTensors(config).map(({ name }) => name);
  return createValueSource(config, quant, (tensor) => {
    return makeUpValues(tensor, createRandom(seed * 0x10000 + names.indexOf(tensor.name)));
  });
}

/** Norms are about 1; matrices keep the size of their input. */
export function makeUpValues({ name, kind, shape }: PlannedTensor, random: () => number): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  if (kind === "norm") return Float32Array.from({ length }, () => 1 + 0.1 * random());
  const scale = name.includes("embed_tokens") ? 1 : Math.sqrt(3 / shape.at(-1)!);
  return Float32Array.from({ length }, () => scale * random());
}

/** Numbers in [-1, 1), f32. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return Math.fround(((bits ^ (bits >>> 14)) >>> 0) / 2147483648 - 1);
  };
}

function toWeightTensor({ name, kind, shape }: PlannedTensor, quant: WeightFormat): WeightTensor {
  const format = formatOf(kind, quant);
  const numRows = shape.slice(0, -1).reduce((product, length) => product * length, 1);
  return { name, format, shape, sizeBytes: numRows * rowStrideBytes(format, shape.at(-1)!) };
}
