// The parts that decoders share as ONNX graphs for onnxruntime's WebGPU back end: 4 and 8 bit products, norms, RoPE and
// grouped-query attention, by that library's own fused operators, in f32.

import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import { GROUP_SIZE } from "../../../src/checkpoint/weight-source.ts";
import { MICROSOFT, OnnxGraph } from "./onnx-file.ts";
import { type QuantRows, scaleFloats } from "./stored-tensors.ts";

/** Positions in the tables of RoPE's cosines and sines. */
const MAX_POSITIONS = 4096;

/** MatMulNBits' `accuracy_level`. 0: f32 arithmetic; 4: activations may be rounded to 8 bits. */
export type AccuracyLevel = 0 | 4;

export class OnnxBuilder {
  readonly graph = new OnnxGraph();
  readonly #config: ModelConfig;
  readonly #accuracyLevel: AccuracyLevel;

  /** Declares `ids` (1, num_tokens) int64, `seqlens_k` (1) and `total_length` (), both int32: the length with these ids, less
   * one and as it is. */
  constructor(config: ModelConfig, accuracyLevel: AccuracyLevel) {
    this.#config = config;
    this.#accuracyLevel = accuracyLevel;
    this.graph.input("ids", "int64", [1, "num_tokens"]);
    this.graph.input("seqlens_k", "int32", [1]);
    this.graph.input("total_length", "int32", []);
    this.#addRopeTables();
  }

  /** (1, num_tokens, hidden_size) from a table (vocab_size, hidden_size). */
  embed(table: Float32Array): string {
    const { vocabSize, hiddenSize } = this.#config;
    this.graph.constant("embedding", "float32", [vocabSize, hiddenSize], table);
    this.graph.node("Gather", ["embedding", "ids"], ["embedded"], { axis: 0 });
    return "embedded";
  }

  /** x · W^T, the weights times a factor. */
  product(x: string, rows: QuantRows, output: string, factor = 1): string {
    const { graph } = this;
    const { bits, numRows, numColumns } = rows;
    const numGroups = numColumns / GROUP_SIZE;
    graph.constant(`${output}/weight`, "uint8", [numRows, numGroups, (GROUP_SIZE * bits) / 8], packQuants(rows));
    graph.constant(`${output}/scales`, "float32", [numRows, numGroups], scaleFloats(rows, factor));
    graph.node(
      "MatMulNBits",
      [x, `${output}/weight`, `${output}/scales`],
      [output],
      { K: numColumns, N: numRows, bits, block_size: GROUP_SIZE, accuracy_level: this.#accuracyLevel },
      MICROSOFT,
    );
    return output;
  }

  /** rms_norm over the last axis of (1, num_tokens, weight's length). */
  norm(x: string, weight: Float32Array, epsilon: number, output: string): string {
    this.graph.constant(`${output}/weight`, "float32", [weight.length], weight);
    const attributes = { axis: 2, epsilon: { float: epsilon } };
    this.graph.node("SimplifiedLayerNormalization", [x, `${output}/weight`], [output], attributes);
    return output;
  }

  /** rms_norm(x + y), and x + y where `sum` names it. */
  normOfSum(x: string, y: string, weight: Float32Array, output: string, sum?: string): string {
    this.graph.constant(`${output}/weight`, "float32", [weight.length], weight);
    const outputs = sum === undefined ? [output] : [output, "", "", sum];
    const epsilon = { float: this.#config.rmsNormEps };
    this.graph.node("SkipSimplifiedLayerNormalization", [x, y, `${output}/weight`], outputs, { epsilon }, MICROSOFT);
    return output;
  }

  /** x · sigmoid(x). */
  silu(x: string, output: string): string {
    this.graph.node("QuickGelu", [x], [output], { alpha: { float: 1 } }, MICROSOFT);
    return output;
  }

  /** Causal attention over queries, keys and values that lie one after another in `qkv`'s last axis; caches
   * `key.L`, `value.L` to `new_key.L`, `new_value.L` (1, num_kv_heads, length, head_dim). */
  attention(layer: number, qkv: string, output: string): string {
    const { graph } = this;
    const { numHeads, numKvHeads, headDim } = this.#config;
    for (const kind of ["key", "value"]) {
      graph.input(`${kind}.${layer}`, "float32", [1, numKvHeads, "past_length", headDim]);
      graph.output(`new_${kind}.${layer}`, "float32", [1, numKvHeads, "length", headDim]);
    }
    graph.node(
      "GroupQueryAttention",
      [qkv, "", "", `key.${layer}`, `value.${layer}`, "seqlens_k", "total_length", "cosines", "sines"],
      [output, `new_key.${layer}`, `new_value.${layer}`],
      { num_heads: numHeads, kv_num_heads: numKvHeads, do_rotary: 1, rotary_interleaved: 0 },
      MICROSOFT,
    );
    return output;
  }

  /** `logits` (1, 1, vocab_size) of the last token. */
  head(x: string, rows: QuantRows): void {
    this.graph.constant("last", "int64", [1], BigInt64Array.of(-1n));
    this.graph.node("Gather", [x, "last"], ["last_hidden"], { axis: 1 });
    this.product("last_hidden", rows, "logits");
    this.graph.output("logits", "float32", [1, 1, this.#config.vocabSize]);
  }

  /** (MAX_POSITIONS, head_dim / 2) each; channels that do not rotate have cosine 1. */
  #addRopeTables(): void {
    const { headDim, ropeTheta, rotaryFrequencies } = this.#config;
    const halfDim = headDim / 2;
    const cosines = new Float32Array(MAX_POSITIONS * halfDim);
    const sines = new Float32Array(MAX_POSITIONS * halfDim);
    for (let i = 0; i < cosines.length; i++) {
      const channel = i % halfDim;
      const frequency = channel < rotaryFrequencies ? ropeTheta ** ((-2 * channel) / headDim) : 0;
      cosines[i] = Math.cos(Math.floor(i / halfDim) * frequency);
      sines[i] = Math.sin(Math.floor(i / halfDim) * frequency);
    }
    this.graph.constant("cosines", "float32", [MAX_POSITIONS, halfDim], cosines);
    this.graph.constant("sines", "float32", [MAX_POSITIONS, halfDim], sines);
  }
}

/** As MatMulNBits and QMoE have them: q + 8, two to a byte, the lower one first; or q + 128. */
export function packQuants({ bits, quants }: QuantRows): Uint8Array {
  if (bits === 8) return Uint8Array.from(quants, (quant) => quant + 128);
  return Uint8Array.from({ length: quants.length / 2 }, (_, i) => {
    return (quants[2 * i]! + 8) | ((quants[2 * i + 1]! + 8) << 4);
  });
}
