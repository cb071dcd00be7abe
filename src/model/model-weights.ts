// A model's weights on the GPU: tensors of a WeightSource uploaded as they arrive, matrices that share their input
// stacked into one binding, the embedding table and head cut into ranges that fit a binding.

import { weightBytes } from "./memory-needs.ts";
import type { ModelConfig } from "../checkpoint/model-config.ts";
import { rowStrideBytes, type WeightSource, type WeightTensor } from "../checkpoint/weight-source.ts";
import { type GpuSession, UnsupportedGpuError } from "../gpu/session.ts";
import { createTensor, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";

/** Rows `firstRow` .. `firstRow + numRows` of a table too large for one binding (or all of it). */
export interface WeightRange {
  readonly firstRow: number;
  readonly numRows: number;
  readonly matrix: WeightMatrix;
}

export interface LightningWeights {
  readonly type: "linear_attention";
  /** qkv_proj then output_gate: (num_heads · 4 · head_dim, hidden_size) */
  readonly qkvGate: WeightMatrix;
  /** (hidden_size, num_heads · head_dim) */
  readonly outProj: WeightMatrix;
  /** (num_heads · head_dim) */
  readonly norm: Tensor;
  /** norm, then slopes: (num_heads · head_dim + num_heads) */
  readonly normSlopes: Tensor;
  /** (num_heads) */
  readonly slopes: Tensor;
}

export interface SoftmaxWeights {
  readonly type: "full_attention";
  /** q_proj, k_proj, v_proj: ((num_heads + 2 num_kv_heads) · head_dim, hidden_size) */
  readonly qkv: WeightMatrix;
  /** (hidden_size, num_heads · head_dim) */
  readonly oProj: WeightMatrix;
}

export interface LayerWeights {
  readonly attention: LightningWeights | SoftmaxWeights;
  /** (hidden_size) */
  readonly inputLayernorm: Tensor;
  /** (hidden_size) */
  readonly postAttentionLayernorm: Tensor;
  /** (num_experts, hidden_size), f32 */
  readonly router: Tensor;
  /** (num_experts · 2 · intermediate_size, hidden_size) */
  readonly gateUpProj: WeightMatrix;
  /** (num_experts · hidden_size, intermediate_size) */
  readonly downProj: WeightMatrix;
}

export interface ModelWeights {
  readonly embedTokens: readonly WeightRange[];
  readonly layers: readonly LayerWeights[];
  /** (hidden_size) */
  readonly norm: Tensor;
  /** The embedding table again when the embeddings are tied. */
  readonly lmHead: readonly WeightRange[];
  /** Every buffer above, for destruction. */
  readonly buffers: readonly GPUBuffer[];
}

/** Part of a tensor's bytes and where they go. */
interface Placement {
  readonly sourceOffset: number;
  readonly sizeBytes: number;
  readonly buffer: GPUBuffer;
  readonly targetOffset: number;
}

/** How fast a head of a lightning layer forgets; design as in arXiv:2501.08313 §2.2. Head and layer from 0. */
function slope(head: number, layer: number, numHeads: number, numLayers: number): number {
  return 2 ** ((-8 * (head + 1)) / numHeads) * (1 - layer / (numLayers - 1 + 1e-5) + 1e-5);
}

/** Creates all buffers, then streams the source into them; throws what the source throws, after freeing everything. */
export async function loadModelWeights(
  session: GpuSession,
  source: WeightSource,
  signal?: AbortSignal,
): Promise<ModelWeights> {
  const layout = new WeightLayout(session, source);
  try {
    const weights = await session.allocate("weights", weightBytes(source), () => layOut(layout, source.config));
    await layout.upload(signal);
    return { ...weights, buffers: layout.buffers };
  } catch (error) {
    for (const buffer of layout.buffers) session.destroyBuffer(buffer);
    throw error;
  }
}

function layOut(layout: WeightLayout, config: ModelConfig): Omit<ModelWeights, "buffers"> {
  const { numLayers, numHeads } = config;
  const embedTokens = layout.ranges("model.embed_tokens.weight");
  const layers = config.layerTypes.map((type, layer): LayerWeights => {
    const prefix = `model.layers.${layer}`;
    const attention = `${prefix}.self_attn`;
    const slopes = Float32Array.from({ length: numHeads }, (_, head) => slope(head, layer, numHeads, numLayers));
    return {
      attention:
        type === "linear_attention"
          ? {
              type,
              qkvGate: layout.stack(`layer ${layer} qkv_proj, output_gate`, [
                `${attention}.qkv_proj.weight`,
                `${attention}.output_gate.weight`,
              ]),
              outProj: layout.stack(`layer ${layer} out_proj`, [`${attention}.out_proj.weight`]),
              ...layout.normSlopes(`${attention}.norm.weight`, slopes),
              slopes: layout.constant(`layer ${layer} slopes`, slopes),
            }
          : {
              type,
              qkv: layout.stack(
                `layer ${layer} q_proj, k_proj, v_proj`,
                ["q_proj", "k_proj", "v_proj"].map((name) => `${attention}.${name}.weight`),
              ),
              oProj: layout.stack(`layer ${layer} o_proj`, [`${attention}.o_proj.weight`]),
            },
      inputLayernorm: layout.vector(`${prefix}.input_layernorm.weight`),
      postAttentionLayernorm: layout.vector(`${prefix}.post_attention_layernorm.weight`),
      router: layout.vector(`${prefix}.mlp.gate.weight`),
      gateUpProj: layout.stack(`layer ${layer} experts w1, w3`, [`${prefix}.mlp.experts.gate_up_proj`]),
      downProj: layout.stack(`layer ${layer} experts w2`, [`${prefix}.mlp.experts.down_proj`]),
    };
  });
  return {
    embedTokens,
    layers,
    norm: layout.vector("model.norm.weight"),
    lmHead: config.tieWordEmbeddings ? embedTokens : layout.ranges("lm_head.weight"),
  };
}

/** Decides where each tensor's bytes go, then brings them there. */
class WeightLayout {
  readonly buffers: GPUBuffer[] = [];
  readonly #session: GpuSession;
  readonly #source: WeightSource;
  readonly #placements = new Map<string, Placement[]>();

  constructor(session: GpuSession, source: WeightSource) {
    this.#session = session;
    this.#source = source;
  }

  /** One binding over the rows of several tensors with the same format and input axis. */
  stack(label: string, names: readonly string[]): WeightMatrix {
    const tensors = names.map((name) => this.#tensor(name));
    const { format } = tensors[0]!;
    const numColumns = tensors[0]!.shape.at(-1)!;
    for (const tensor of tensors) {
      if (tensor.format !== format || tensor.shape.at(-1) !== numColumns) {
        const got = `${tensor.format} (…, ${tensor.shape.at(-1)})`;
        throw new RangeError(`${tensor.name}: expected ${format} (…, ${numColumns}) as ${names[0]}, got ${got}`);
      }
    }
    const sizeBytes = tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0);
    const buffer = this.#createBuffer(label, sizeBytes);
    let targetOffset = 0;
    for (const tensor of tensors) {
      this.#place(tensor.name, { sourceOffset: 0, sizeBytes: tensor.sizeBytes, buffer, targetOffset });
      targetOffset += tensor.sizeBytes;
    }
    const numRows = tensors.reduce((sum, tensor) => sum + numRowsOf(tensor), 0);
    return { label, buffer, offsetBytes: 0, sizeBytes, shape: [numRows, numColumns], format };
  }

  /** A table cut into as many ranges as the binding limit asks for. */
  ranges(name: string): readonly WeightRange[] {
    const tensor = this.#tensor(name);
    const numColumns = tensor.shape.at(-1)!;
    const stride = rowStrideBytes(tensor.format, numColumns);
    const numRows = numRowsOf(tensor);
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#session.device.limits;
    const rowsPerRange = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / stride);
    const ranges: WeightRange[] = [];
    for (let firstRow = 0; firstRow < numRows; firstRow += rowsPerRange) {
      const rows = Math.min(rowsPerRange, numRows - firstRow);
      const label = `${name} from row ${firstRow}`;
      const sizeBytes = rows * stride;
      const buffer = this.#createBuffer(label, sizeBytes);
      this.#place(name, { sourceOffset: firstRow * stride, sizeBytes, buffer, targetOffset: 0 });
      const matrix = { label, buffer, offsetBytes: 0, sizeBytes, shape: [rows, numColumns], format: tensor.format };
      ranges.push({ firstRow, numRows: rows, matrix });
    }
    return ranges;
  }

  /** An f32 tensor as plain numbers: norms, and routers, whose rows of hidden_size have no padding. */
  vector(name: string): Tensor {
    const tensor = this.#f32Tensor(name);
    const buffer = this.#createBuffer(name, tensor.sizeBytes);
    this.#place(name, { sourceOffset: 0, sizeBytes: tensor.sizeBytes, buffer, targetOffset: 0 });
    return createTensor(name, buffer, tensor.shape);
  }

  /** A lightning layer's norm, and the same followed by its slopes. */
  normSlopes(name: string, slopes: Float32Array<ArrayBuffer>): { norm: Tensor; normSlopes: Tensor } {
    const { shape } = this.#f32Tensor(name);
    // Without the padding of encoded rows.
    const sizeBytes = 4 * shape[0]!;
    const buffer = this.#createBuffer(`${name}, slopes`, sizeBytes + slopes.byteLength);
    this.#place(name, { sourceOffset: 0, sizeBytes, buffer, targetOffset: 0 });
    this.#session.device.queue.writeBuffer(buffer, sizeBytes, slopes);
    const length = shape[0]! + slopes.length;
    return { norm: createTensor(name, buffer, shape), normSlopes: createTensor(buffer.label, buffer, [length]) };
  }

  /** Numbers that the config alone decides. */
  constant(label: string, values: Float32Array<ArrayBuffer>): Tensor {
    const buffer = this.#createBuffer(label, values.byteLength);
    this.#session.device.queue.writeBuffer(buffer, 0, values);
    return createTensor(label, buffer, [values.length]);
  }

  /** Reads every placed tensor once, in the source's order. */
  async upload(signal?: AbortSignal): Promise<void> {
    for (const name of this.#source.tensors.keys()) {
      const placements = this.#placements.get(name);
      if (!placements) continue;
      let offset = 0;
      for await (const bytes of this.#source.read(name, signal)) {
        for (const placement of placements) this.#write(placement, offset, bytes);
        offset += bytes.byteLength;
      }
      const { sizeBytes } = this.#tensor(name);
      if (offset !== sizeBytes) throw new RangeError(`${name}: expected ${sizeBytes} bytes, got ${offset}`);
    }
  }

  #write({ sourceOffset, sizeBytes, buffer, targetOffset }: Placement, offset: number, bytes: Uint8Array): void {
    const start = Math.max(offset, sourceOffset);
    const end = Math.min(offset + bytes.byteLength, sourceOffset + sizeBytes);
    if (start >= end) return;
    const part = bytes.subarray(start - offset, end - offset) as Uint8Array<ArrayBuffer>;
    this.#session.device.queue.writeBuffer(buffer, targetOffset + start - sourceOffset, part);
  }

  #createBuffer(label: string, sizeBytes: number): GPUBuffer {
    const limit = this.#session.device.limits.maxStorageBufferBindingSize;
    if (sizeBytes > limit) {
      const message = `${label}: expected at most ${limit} bytes (maxStorageBufferBindingSize), got ${sizeBytes}`;
      throw new UnsupportedGpuError("limit-too-small", message);
    }
    const buffer = this.#session.createBuffer(
      label,
      "weights",
      sizeBytes,
      GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    );
    this.buffers.push(buffer);
    return buffer;
  }

  #place(name: string, placement: Placement): void {
    this.#placements.set(name, [...(this.#placements.get(name) ?? []), placement]);
  }

  #f32Tensor(name: string): WeightTensor {
    const tensor = this.#tensor(name);
    if (tensor.format !== "f32") throw new RangeError(`${name}: expected f32, got ${tensor.format}`);
    return tensor;
  }

  #tensor(name: string): WeightTensor {
    const tensor = this.#source.tensors.get(name);
    if (!tensor) throw new RangeError(`${name}: expected a tensor of the weight source, got none`);
    return tensor;
  }
}

function numRowsOf(tensor: WeightTensor): number {
  return tensor.shape.slice(0, -1).reduce((product, length) => product * length, 1);
}
