// A model on the GPU: weights, tables and activations, from which sequences are made. It can be rebuilt at any time
// from its WeightSource, and several models can live in one session.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import type { WeightSource } from "../checkpoint/weight-source.ts";
import { type GpuSession, UnsupportedGpuError } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { KvFormat } from "../kernels/kv-format.ts";
import { isProcessor } from "../kernels/matvec.ts";
import { createRopeTable, ROPE_ROWS } from "../kernels/rope-table.ts";
import { type BlockActivations, createBlockActivations } from "./block-activations.ts";
import { activationBytes, modelBytes } from "./memory-needs.ts";
import { loadModelWeights, type ModelWeights } from "./model-weights.ts";
import type { SequenceOptions } from "./sequence-core.ts";
import { Sequence } from "./sequence.ts";
import { SubmitPace } from "./submit-pace.ts";

export interface ModelOptions {
  /** Tokens read at once; fixed for all sequences of the model, since another split rounds differently. */
  readonly blockSize?: number;
  /** How sequences store keys and values: f32 when absent. */
  readonly kvFormat?: KvFormat;
  readonly signal?: AbortSignal;
}

/** Large enough to fill a GPU with matrix products; more is faster on the largest GPUs alone, and answers Stop later. */
const GPU_BLOCK_SIZE = 512;
/** A processor that plays GPU is filled by less. */
const PROCESSOR_BLOCK_SIZE = 128;

export class Model {
  readonly session: GpuSession;
  readonly config: ModelConfig;
  readonly blockSize: number;
  readonly kvFormat: KvFormat;
  readonly weights: ModelWeights;
  readonly activations: BlockActivations;
  /** (2, 2048, headDim / 2, 2) */
  readonly ropeTable: Tensor;
  /** How prefill is cut into submits, by the time that its blocks took so far. */
  readonly prefillPace = new SubmitPace();
  #numSequences = 0;
  #tapLogits: readonly Tensor[] | undefined;

  private constructor(
    session: GpuSession,
    config: ModelConfig,
    weights: ModelWeights,
    { blockSize, kvFormat = "f32" }: ModelOptions & { readonly blockSize: number },
  ) {
    this.session = session;
    this.config = config;
    this.blockSize = blockSize;
    this.kvFormat = kvFormat;
    this.weights = weights;
    this.activations = createBlockActivations(session, config, blockSize);
    this.ropeTable = session.createStorage("rope table", "tables", [2, ROPE_ROWS, config.headDim / 2, 2]);
    const table = createRopeTable(config) as Float32Array<ArrayBuffer>;
    session.device.queue.writeBuffer(this.ropeTable.buffer, 0, table);
  }

  /** Uploads the weights; throws UnsupportedGpuError for a shape no kernel has, MemoryBudgetError before anything is made,
   * GpuMemoryError, and what the source throws. */
  static async load(session: GpuSession, source: WeightSource, options: ModelOptions = {}): Promise<Model> {
    const { config } = source;
    expectSupportedShape(config);
    const { blockSize = defaultBlockSize(session) } = options;
    session.memory.expectRoom("model", modelBytes(session, source, blockSize));
    const weights = await loadModelWeights(session, source, options.signal);
    try {
      return await session.allocate("activations", activationBytes(session, config, blockSize), () => {
        return new Model(session, config, weights, { ...options, blockSize });
      });
    } catch (error) {
      for (const buffer of weights.buffers) session.destroyBuffer(buffer);
      throw error;
    }
  }

  /** (blockSize, rows) for each range of the head: every token's logits, made when they are first tapped. */
  get tapLogits(): readonly Tensor[] {
    this.#tapLogits ??= this.weights.lmHead.map(({ numRows }) =>
      this.session.createStorage("all logits", "activations", [this.blockSize, numRows]),
    );
    return this.#tapLogits;
  }

  /** An empty sequence with room for `reservedTokens` at once; it grows when more are read. MemoryBudgetError before anything
   * is made, and GpuMemoryError, leave nothing behind. */
  createSequence(reservedTokens = 1024, options: SequenceOptions = {}): Promise<Sequence> {
    this.#numSequences += 1;
    return Sequence.create(this, `sequence ${this.#numSequences}`, reservedTokens, options);
  }

  /** Frees weights, tables and activations; sequences are destroyed by their owners, before. */
  destroy(): void {
    for (const buffer of this.weights.buffers) this.session.destroyBuffer(buffer);
    for (const tensor of Object.values(this.activations) as Tensor[]) this.session.destroyBuffer(tensor.buffer);
    for (const { buffer } of [this.ropeTable, ...(this.#tapLogits ?? [])]) this.session.destroyBuffer(buffer);
  }
}

function defaultBlockSize(session: GpuSession): number {
  return isProcessor(session) ? PROCESSOR_BLOCK_SIZE : GPU_BLOCK_SIZE;
}

/** What the kernels' layouts rest on, beyond what makes a checkpoint valid. */
function expectSupportedShape({ headDim, hiddenSize, intermediateSize }: ModelConfig): void {
  const checks: readonly [string, number, string, boolean][] = [
    ["head_dim", headDim, "a multiple of 4 up to 128", headDim % 4 === 0 && headDim <= 128],
    ["hidden_size", hiddenSize, "a multiple of 32", hiddenSize % 32 === 0],
    ["intermediate_size", intermediateSize, "a multiple of 4", intermediateSize % 4 === 0],
  ];
  for (const [name, value, expected, isSupported] of checks) {
    if (!isSupported) throw new UnsupportedGpuError("limit-too-small", `${name}: expected ${expected}, got ${value}`);
  }
}
