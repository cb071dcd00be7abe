// Buffers between the kernels of a pass, shared by all sequences of a model: the GPU queue runs one pass at a time.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { numChunks } from "../kernels/chunk-states.ts";
import { fillingSplits } from "../kernels/decode-splits.ts";
import { expertTerms } from "../kernels/experts-decode.ts";
import { lightningTerms } from "../kernels/lightning-decode.ts";
import { termRowLength } from "../kernels/residual-terms.ts";
import { fillingWorkgroups, maxSplitRows } from "../kernels/splits.ts";

export interface BlockActivations {
  /** (blockSize, hiddenSize): the residual stream; decode begins in its first row. */
  readonly hidden: Tensor;
  /** (1, hiddenSize): the residual stream after a softmax layer's attention in decode. */
  readonly hiddenNext: Tensor;
  /** (2, hiddenSize): a softmax layer's normed input in decode, and its input. */
  readonly residual: Tensor;
  /** (2 + terms, hiddenSize + 4): what a lightning layer's attention leaves in decode. */
  readonly attentionTerms: Tensor;
  /** (2 + terms, hiddenSize + 4): what the experts leave in decode. */
  readonly expertTerms: Tensor;
  /** (blockSize, hiddenSize) */
  readonly normed: Tensor;
  /** (blockSize, numHeads * 3 * headDim) */
  readonly lightningQkv: Tensor;
  /** (numChunks(blockSize), numHeads, headDim, headDim) */
  readonly chunkStates: Tensor;
  /** (blockSize, numHeads * headDim) */
  readonly gate: Tensor;
  /** (blockSize, (numHeads + 2 numKvHeads) * headDim) */
  readonly softmaxQkv: Tensor;
  /** (rows, 2), a row for each split of each head of each token of softmax attention: what is to be combined */
  readonly splitStats: Tensor;
  /** (rows, headDim), likewise */
  readonly splitPartials: Tensor;
  /** (blockSize, numHeads * headDim) */
  readonly attentionOutput: Tensor;
  /** (blockSize, numExperts) */
  readonly routerLogits: Tensor;
  /** (blockSize, expertsPerToken) u32 */
  readonly expertIds: Tensor;
  /** (blockSize, expertsPerToken) */
  readonly expertWeights: Tensor;
  /** (numExperts + 1) u32 */
  readonly expertOffsets: Tensor;
  /** (blockSize * expertsPerToken) u32 */
  readonly sortedSlots: Tensor;
  /** (blockSize * expertsPerToken, 2 * intermediateSize) */
  readonly up: Tensor;
  /** (blockSize, expertsPerToken * hiddenSize) */
  readonly down: Tensor;
  /** (1, vocabSize) of the last token */
  readonly logits: Tensor;
  /** (blockSize, 4), for `output: "loss"` */
  readonly lossStats: Tensor;
}

export function createBlockActivations(session: GpuSession, config: ModelConfig, blockSize: number): BlockActivations {
  const { hiddenSize, numHeads, numKvHeads, headDim, numExperts, expertsPerToken, intermediateSize } = config;
  const create = (label: string, ...shape: number[]) => session.createStorage(label, "activations", shape);
  const numSplitRows = Math.max(
    fillingSplits(session) * numHeads,
    maxSplitRows({ ...config, maxWorkgroups: fillingWorkgroups(session) }, blockSize),
  );
  return {
    hidden: create("hidden", blockSize, hiddenSize),
    hiddenNext: create("hidden next", 1, hiddenSize),
    residual: create("residual", 2, hiddenSize),
    attentionTerms: create("attention terms", 2 + lightningTerms(config), termRowLength(hiddenSize)),
    expertTerms: create("expert terms", 2 + expertTerms(config), termRowLength(hiddenSize)),
    normed: create("normed", blockSize, hiddenSize),
    lightningQkv: create("lightning q, k, v", blockSize, numHeads * 3 * headDim),
    chunkStates: create("chunk states", numChunks(blockSize), numHeads, headDim, headDim),
    gate: create("output gate", blockSize, numHeads * headDim),
    softmaxQkv: create("softmax q, k, v", blockSize, (numHeads + 2 * numKvHeads) * headDim),
    splitStats: create("attention split stats", numSplitRows, 2),
    splitPartials: create("attention splits", numSplitRows, headDim),
    attentionOutput: create("attention output", blockSize, numHeads * headDim),
    routerLogits: create("router logits", blockSize, numExperts),
    expertIds: create("expert ids", blockSize, expertsPerToken),
    expertWeights: create("expert weights", blockSize, expertsPerToken),
    expertOffsets: create("expert offsets", numExperts + 1),
    sortedSlots: create("sorted slots", blockSize * expertsPerToken),
    up: create("expert up", blockSize * expertsPerToken, 2 * intermediateSize),
    down: create("expert down", blockSize, expertsPerToken * hiddenSize),
    logits: create("logits", 1, config.vocabSize),
    lossStats: create("loss stats", blockSize, 4),
  };
}
