// What models and sequences will take on the GPU, before they are made: all that grows with their size.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import type { WeightSource } from "../checkpoint/weight-source.ts";
import type { GpuSession } from "../gpu/session.ts";
import { createTensor, type Tensor } from "../gpu/tensor.ts";
import { type KvFormat, keyBytesPerToken } from "../kernels/kv-format.ts";
import { createBlockActivations } from "./block-activations.ts";
import { numCheckpoints, undoableTokens } from "./decode-pipeline.ts";
import type { SequenceOptions } from "./sequence-core.ts";

/** Weights, and activations of one block. */
export function modelBytes(session: GpuSession, source: WeightSource, blockSize: number): number {
  return weightBytes(source) + activationBytes(session, source.config, blockSize);
}

export function weightBytes({ tensors }: WeightSource): number {
  return [...tensors.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Counts what is asked for where activations are made. */
export function activationBytes(session: GpuSession, config: ModelConfig, blockSize: number): number {
  let numBytes = 0;
  const createStorage = (label: string, _: unknown, shape: readonly number[]): Tensor => {
    const sizeBytes = 4 * shape.reduce((product, length) => product * length, 1);
    numBytes += sizeBytes;
    return createTensor(label, { size: sizeBytes } as GPUBuffer, shape);
  };
  createBlockActivations(Object.create(session, { createStorage: { value: createStorage } }), config, blockSize);
  return numBytes;
}

export interface SequenceShape {
  readonly config: ModelConfig;
  readonly kvFormat: KvFormat;
  readonly blockSize: number;
}

/** States, their checkpoints, and room for the keys of `reservedTokens`. */
export function sequenceBytes(
  { config, kvFormat, blockSize }: SequenceShape,
  reservedTokens: number,
  { fixedPace, keyWindow }: SequenceOptions = {},
): number {
  const { layerTypes, numHeads, headDim, vocabSize } = config;
  const numLightning = layerTypes.filter((type) => type === "linear_attention").length;
  const stateBytes = 4 * (numLightning * numHeads * headDim ** 2 + vocabSize);
  const numKeys = keyWindow
    ? keyWindow.first + keyWindow.last + Math.max(blockSize, undoableTokens(fixedPace))
    : reservedTokens;
  return stateBytes * (1 + numCheckpoints(fixedPace)) + numKeys * keyBytesPerToken(config, kvFormat);
}
