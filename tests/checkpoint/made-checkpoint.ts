// A small Hugging Face checkpoint made in memory, valid until a test spoils it.

import type { ByteSource } from "../../src/checkpoint/byte-source.ts";
import type { OpenFile } from "../../src/checkpoint/hf-checkpoint.ts";
import { createRandom } from "../text/random-text.ts";

export interface MadeTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

export interface MadeCheckpoint {
  config: Record<string, unknown>;
  tensors: Record<string, MadeTensor>;
  /** What else lies in the folder, or in place of what `tensors` would give. */
  files: Record<string, Uint8Array>;
}

const [VOCAB_SIZE, HIDDEN_SIZE, WIDTH, KV_WIDTH, INTERMEDIATE_SIZE, NUM_EXPERTS] = [48, 64, 32, 16, 32, 2];

/** Two layers, lightning then softmax, with experts apart and an untied head, in f32. */
export function makeCheckpoint(): MadeCheckpoint {
  const random = createRandom(1);
  const tensors: Record<string, MadeTensor> = {};
  const add = (name: string, ...shape: number[]) => {
    const values = Float32Array.from({ length: sizeOf(shape) }, () => random() * 2 - 1);
    tensors[name] = { dtype: "F32", shape, bytes: bytesOf(values) };
  };
  add("model.embed_tokens.weight", VOCAB_SIZE, HIDDEN_SIZE);
  for (const layer of [0, 1]) {
    const prefix = `model.layers.${layer}`;
    add(`${prefix}.input_layernorm.weight`, HIDDEN_SIZE);
    add(`${prefix}.post_attention_layernorm.weight`, HIDDEN_SIZE);
    add(`${prefix}.block_sparse_moe.gate.weight`, NUM_EXPERTS, HIDDEN_SIZE);
    for (let expert = 0; expert < NUM_EXPERTS; expert++) {
      add(`${prefix}.block_sparse_moe.experts.${expert}.w1.weight`, INTERMEDIATE_SIZE, HIDDEN_SIZE);
      add(`${prefix}.block_sparse_moe.experts.${expert}.w2.weight`, HIDDEN_SIZE, INTERMEDIATE_SIZE);
      add(`${prefix}.block_sparse_moe.experts.${expert}.w3.weight`, INTERMEDIATE_SIZE, HIDDEN_SIZE);
    }
  }
  const attention = (layer: number, name: string, ...shape: number[]) => {
    add(`model.layers.${layer}.self_attn.${name}.weight`, ...shape);
  };
  attention(0, "qkv_proj", 3 * WIDTH, HIDDEN_SIZE);
  attention(0, "output_gate", WIDTH, HIDDEN_SIZE);
  attention(0, "norm", WIDTH);
  attention(0, "out_proj", HIDDEN_SIZE, WIDTH);
  attention(1, "q_proj", WIDTH, HIDDEN_SIZE);
  attention(1, "k_proj", KV_WIDTH, HIDDEN_SIZE);
  attention(1, "v_proj", KV_WIDTH, HIDDEN_SIZE);
  attention(1, "o_proj", HIDDEN_SIZE, WIDTH);
  add("model.norm.weight", HIDDEN_SIZE);
  add("lm_head.weight", VOCAB_SIZE, HIDDEN_SIZE);
  return { config: { ...CONFIG }, tensors, files: {} };
}

const CONFIG: Readonly<Record<string, unknown>> = {
  model_type: "minimax",
  vocab_size: VOCAB_SIZE,
  hidden_size: HIDDEN_SIZE,
  intermediate_size: INTERMEDIATE_SIZE,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 16,
  hidden_act: "silu",
  num_local_experts: NUM_EXPERTS,
  num_experts_per_tok: 2,
  rms_norm_eps: 1e-5,
  layer_types: ["linear_attention", "full_attention"],
  max_position_embeddings: 4096,
  tie_word_embeddings: false,
  rope_theta: 10_000,
  eos_token_id: 2,
};

/** The folder's files by name. */
export function filesOf({ config, tensors, files }: MadeCheckpoint): Record<string, Uint8Array> {
  return { "config.json": textBytes(JSON.stringify(config)), "model.safetensors": writeSafetensors(tensors), ...files };
}

export function openMade(checkpoint: MadeCheckpoint): OpenFile {
  const files = filesOf(checkpoint);
  return (name) => Promise.resolve(Object.hasOwn(files, name) ? sourceOf(name, files[name]!) : undefined);
}

export function sourceOf(name: string, bytes: Uint8Array): ByteSource {
  return { name, sizeBytes: bytes.length, read: (start, end) => Promise.resolve(bytes.slice(start, end)) };
}

export function writeSafetensors(tensors: Readonly<Record<string, MadeTensor>>): Uint8Array {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const start = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [start, end] }] as const;
  });
  const bodies = Object.values(tensors).map(({ bytes }) => bytes);
  return withHeader(JSON.stringify(Object.fromEntries(entries)), joinBytes(bodies));
}

/** A safetensors file of a header as written and the bytes after it. */
export function withHeader(header: string, body = new Uint8Array(0), headerLength?: bigint): Uint8Array {
  const text = textBytes(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true);
  return joinBytes([length, text, body]);
}

export function textBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function bytesOf(values: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength).slice();
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return joinBytes(parts);
}
