// What it takes to read a text, computed before and while it is read: bytes by kind, and time. Knows sizes, no GPU.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import type { KeyWindow } from "../kernels/key-window.ts";
import { keyBytesPerToken, type KvFormat } from "../kernels/kv-format.ts";

/** Bytes that reading needs. */
export interface MemoryPlan {
  /** Of the lightning layers, whatever the length. */
  readonly stateBytes: number;
  /** Of the softmax layers, for each token. */
  readonly keyBytesPerToken: number;
  /** As if every layer were a softmax layer. */
  readonly softmaxBytesPerToken: number;
}

export function planMemory(config: ModelConfig, kvFormat: KvFormat): MemoryPlan {
  const { layerTypes, numHeads, headDim } = config;
  const numLightningLayers = layerTypes.filter((type) => type === "linear_attention").length;
  return {
    stateBytes: 4 * numLightningLayers * numHeads * headDim * headDim,
    keyBytesPerToken: keyBytesPerToken(config, kvFormat),
    softmaxBytesPerToken: keyBytesPerToken({ ...config, layerTypes: layerTypes.map(() => "full_attention") }, kvFormat),
  };
}

/** Tokens whose keys are in memory after `numTokens`. */
export function keptTokens(numTokens: number, keyWindow: KeyWindow | null): number {
  return keyWindow ? Math.min(numTokens, keyWindow.first + keyWindow.last) : numTokens;
}

/** Tokens whose keys fit into so many bytes, weights and all else counted before. Infinite in constant memory mode, and for
 * a model without softmax layers. */
export function fittingTokens(plan: MemoryPlan, freeBytes: number, keyWindow: KeyWindow | null): number {
  if (keyWindow || plan.keyBytesPerToken === 0) return Infinity;
  return Math.max(0, Math.floor((freeBytes - plan.stateBytes) / plan.keyBytesPerToken));
}

/** How much longer a token takes for each token before it, as a share of what it takes at the beginning: the operations of
 * softmax attention by those of all else. */
export function growthPerToken(config: ModelConfig, numActiveParameters: number): number {
  const numSoftmaxLayers = config.layerTypes.filter((type) => type === "full_attention").length;
  return (4 * numSoftmaxLayers * config.numHeads * config.headDim) / (2 * numActiveParameters);
}

/** Parameters that work on each token: all but the experts that are not chosen, and the embedding, which is looked up. */
export function numActiveParameters(config: ModelConfig, numParameters: number): number {
  const { numLayers, numExperts, expertsPerToken, hiddenSize, intermediateSize, vocabSize, tieWordEmbeddings } = config;
  const expert = 3 * hiddenSize * intermediateSize;
  const idle = numLayers * (numExperts - expertsPerToken) * expert;
  return numParameters - idle - (tieWordEmbeddings ? 0 : vocabSize * hiddenSize);
}

/** Estimated milliseconds from `start` to `end`, when a token at position `at` takes `msPerToken`. */
export function readingMs(
  growth: number,
  msPerToken: number,
  at: number,
  start: number,
  end: number,
  keyWindow: KeyWindow | null,
): number {
  const firstMs = msPerToken / (1 + growth * keptTokens(at, keyWindow));
  // The sum of the positions that attention looks back to, as an area: a slope, and a plateau behind the window.
  const area = (position: number): number => {
    const slope = keptTokens(position, keyWindow);
    return (slope * slope) / 2 + (position - slope) * slope;
  };
  return firstMs * (end - start + growth * (area(end) - area(start)));
}
