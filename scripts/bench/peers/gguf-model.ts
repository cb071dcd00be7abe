// A Relampago model as a GGUF file for wllama (llama.cpp in WebAssembly), whose `minimax-01` is the same architecture.
// q4 and q8 become Q4_0 and Q8_0: the same groups, scales and whole numbers, so that not one weight differs.

import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import { GROUP_SIZE, type WeightSource } from "../../../src/checkpoint/weight-source.ts";
import { encodeGguf, type GgufTensor, type MetadataValue } from "./gguf-file.ts";
import { type QuantRows, readFloats, readQuantRows, reorderRows } from "./stored-tensors.ts";

const ARCHITECTURE = "minimax-01";
/** llama.cpp's token types. */
const NORMAL_TOKEN = 1;
const CONTROL_TOKEN = 3;

/** The part of a Hugging Face `tokenizer.json` that goes into the file. */
export interface TokenizerJson {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly [string, string])[];
  };
  readonly added_tokens: readonly { readonly id: number; readonly special: boolean }[];
}

/** The file's bytes. RangeError when llama.cpp's graph cannot express the config. */
export async function createGgufModel(source: WeightSource, tokenizer: TokenizerJson): Promise<Uint8Array> {
  const metadata = { ...architectureMetadata(source.config), ...tokenizerMetadata(tokenizer, source.config) };
  return encodeGguf(metadata, await createTensors(source));
}

function architectureMetadata(config: ModelConfig): Record<string, MetadataValue> {
  const { linearAttentionAlpha, fullAttentionAlpha, mlpAlpha, layerTypes, headDim, ropeTheta } = config;
  const alphas = new Set([linearAttentionAlpha, fullAttentionAlpha, mlpAlpha]);
  const betas = new Set([config.linearAttentionBeta, config.fullAttentionBeta, config.mlpBeta, 1]);
  if (alphas.size > 1 || betas.size > 1) throw new RangeError("residual: expected one alpha, and betas of 1");
  const interval = layerTypes.indexOf("full_attention") + 1;
  const isPeriodic = layerTypes.every((type, layer) => (type === "full_attention") === ((layer + 1) % interval === 0));
  if (interval === 0 || !isPeriodic)
    throw new RangeError("layer_types: expected softmax attention at a fixed interval");
  const rotaryDim = 2 * config.rotaryFrequencies;
  return {
    "general.architecture": { text: ARCHITECTURE },
    "general.name": { text: "relampago" },
    [`${ARCHITECTURE}.vocab_size`]: { uint32: config.vocabSize },
    [`${ARCHITECTURE}.context_length`]: { uint32: config.trainedContextLength ?? 4096 },
    [`${ARCHITECTURE}.embedding_length`]: { uint32: config.hiddenSize },
    [`${ARCHITECTURE}.block_count`]: { uint32: config.numLayers },
    [`${ARCHITECTURE}.feed_forward_length`]: { uint32: config.intermediateSize },
    [`${ARCHITECTURE}.attention.head_count`]: { uint32: config.numHeads },
    [`${ARCHITECTURE}.attention.head_count_kv`]: { uint32: config.numKvHeads },
    [`${ARCHITECTURE}.attention.key_length`]: { uint32: headDim },
    [`${ARCHITECTURE}.attention.value_length`]: { uint32: headDim },
    [`${ARCHITECTURE}.attention.layer_norm_rms_epsilon`]: { float32: config.rmsNormEps },
    [`${ARCHITECTURE}.expert_count`]: { uint32: config.numExperts },
    [`${ARCHITECTURE}.expert_used_count`]: { uint32: config.expertsPerToken },
    [`${ARCHITECTURE}.full_attention_interval`]: { uint32: interval },
    [`${ARCHITECTURE}.residual_scale`]: { float32: mlpAlpha },
    [`${ARCHITECTURE}.rope.dimension_count`]: { uint32: rotaryDim },
    // There a frequency is base^(-2j / rotary_dim), here ropeTheta^(-2j / head_dim).
    [`${ARCHITECTURE}.rope.freq_base`]: { float32: ropeTheta ** (rotaryDim / headDim) },
  };
}

function tokenizerMetadata(
  { model, added_tokens: added }: TokenizerJson,
  { vocabSize, endTokenIds }: ModelConfig,
): Record<string, MetadataValue> {
  const texts = Array.from({ length: vocabSize }, (_, id) => `<unused ${id}>`);
  for (const [text, id] of Object.entries(model.vocab)) texts[id] = text;
  const types = texts.map(() => NORMAL_TOKEN);
  for (const { id, special } of added) types[id] = special ? CONTROL_TOKEN : NORMAL_TOKEN;
  return {
    "tokenizer.ggml.model": { text: "gpt2" },
    // Splits text by the same expression as the model's tokenizer.
    "tokenizer.ggml.pre": { text: "qwen2" },
    "tokenizer.ggml.tokens": { texts },
    "tokenizer.ggml.token_type": { int32s: types },
    "tokenizer.ggml.merges": { texts: model.merges.map((pair) => (typeof pair === "string" ? pair : pair.join(" "))) },
    "tokenizer.ggml.eos_token_id": { uint32: endTokenIds[0] ?? 0 },
    "tokenizer.ggml.add_bos_token": { bool: false },
  };
}

async function createTensors(source: WeightSource): Promise<GgufTensor[]> {
  const { config } = source;
  const { numExperts, intermediateSize, hiddenSize } = config;
  const tensors: GgufTensor[] = [];
  const addFloats = async (to: string, from: string) => {
    const values = await readFloats(source, from);
    const { shape } = source.tensors.get(from)!;
    tensors.push({ name: `${to}.weight`, type: "F32", shape, bytes: new Uint8Array(values.buffer) });
  };
  const add = (to: string, rows: QuantRows, shape: readonly number[] = [rows.numRows, rows.numColumns]) => {
    tensors.push({ name: `${to}.weight`, type: rows.bits === 4 ? "Q4_0" : "Q8_0", shape, bytes: packBlocks(rows) });
  };
  add("token_embd", await readQuantRows(source, "model.embed_tokens.weight"));
  await addFloats("output_norm", "model.norm.weight");
  if (!config.tieWordEmbeddings) add("output", await readQuantRows(source, "lm_head.weight"));

  for (const [layer, type] of config.layerTypes.entries()) {
    const from = `model.layers.${layer}`;
    const to = `blk.${layer}`;
    const attention = (name: string) => readQuantRows(source, `${from}.self_attn.${name}.weight`);
    await addFloats(`${to}.attn_norm`, `${from}.input_layernorm.weight`);
    if (type === "linear_attention") {
      add(`${to}.attn_qkv`, await attention("qkv_proj"));
      add(`${to}.attn_gate`, await attention("output_gate"));
      await addFloats(`${to}.attn_norm_2`, `${from}.self_attn.norm.weight`);
      add(`${to}.attn_output`, await attention("out_proj"));
    } else {
      add(`${to}.attn_q`, gatherRotated(await attention("q_proj"), config));
      add(`${to}.attn_k`, gatherRotated(await attention("k_proj"), config));
      add(`${to}.attn_v`, await attention("v_proj"));
      add(`${to}.attn_output`, await attention("o_proj"));
    }
    await addFloats(`${to}.ffn_norm`, `${from}.post_attention_layernorm.weight`);
    await addFloats(`${to}.ffn_gate_inp`, `${from}.mlp.gate.weight`);
    const gateUp = await readQuantRows(source, `${from}.mlp.experts.gate_up_proj`);
    for (const [half, name] of ["ffn_gate_exps", "ffn_up_exps"].entries()) {
      const rows = reorderRows(gateUp, gateUp.numRows / 2, (row) => {
        const inExpert = row % intermediateSize;
        return 2 * (row - inExpert) + half * intermediateSize + inExpert;
      });
      add(`${to}.${name}`, rows, [numExperts, intermediateSize, hiddenSize]);
    }
    const down = await readQuantRows(source, `${from}.mlp.experts.down_proj`);
    add(`${to}.ffn_down_exps`, down, [numExperts, hiddenSize, intermediateSize]);
  }
  return tensors;
}

/** Rows of each head with the channels that rotate first, as `rope.dimension_count` wants them: there channel j pairs with
 * j + rotary_dim / 2, here with j + head_dim / 2. */
function gatherRotated(rows: QuantRows, { headDim, rotaryFrequencies }: ModelConfig): QuantRows {
  const isRotated = (channel: number) => channel % (headDim / 2) < rotaryFrequencies;
  const channels = Array.from({ length: headDim }, (_, channel) => channel);
  const order = [...channels.filter(isRotated), ...channels.filter((channel) => !isRotated(channel))];
  return reorderRows(rows, rows.numRows, (row) => row - (row % headDim) + order[row % headDim]!);
}

/** Blocks of an f16 scale and 32 numbers: int8 (Q8_0), or q + 8 with number i low and i + 16 high in byte i (Q4_0). */
function packBlocks({ bits, quants, scaleBits }: QuantRows): Uint8Array {
  const blockBytes = 2 + (GROUP_SIZE * bits) / 8;
  const bytes = new Uint8Array(scaleBits.length * blockBytes);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < scaleBits.length; block++) {
    const to = block * blockBytes;
    const from = block * GROUP_SIZE;
    view.setUint16(to, scaleBits[block]!, true);
    if (bits === 8) {
      for (let i = 0; i < GROUP_SIZE; i++) view.setInt8(to + 2 + i, quants[from + i]!);
    } else {
      for (let i = 0; i < 16; i++) bytes[to + 2 + i] = (quants[from + i]! + 8) | ((quants[from + 16 + i]! + 8) << 4);
    }
  }
  return bytes;
}
