// The weights of the float64 reference: every tensor of a WeightSource decoded to the numbers it stands for.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import { decodeRows } from "../checkpoint/quantize.ts";
import type { WeightSource } from "../checkpoint/weight-source.ts";
import type { Weight } from "./vector.ts";

export interface LightningAttentionWeights {
  readonly type: "linear_attention";
  /** (num_heads, 3, head_dim; hidden_size): q, k, v per head. */
  readonly qkvProj: Weight;
  /** (num_heads · head_dim, hidden_size) */
  readonly outputGate: Weight;
  /** (num_heads · head_dim) */
  readonly norm: Weight;
  /** (hidden_size, num_heads · head_dim) */
  readonly outProj: Weight;
}

export interface FullAttentionWeights {
  readonly type: "full_attention";
  /** (num_heads · head_dim, hidden_size) */
  readonly qProj: Weight;
  /** (num_kv_heads · head_dim, hidden_size) */
  readonly kProj: Weight;
  readonly vProj: Weight;
  /** (hidden_size, num_heads · head_dim) */
  readonly oProj: Weight;
}

export interface LayerWeights {
  readonly inputLayernorm: Weight;
  readonly attention: LightningAttentionWeights | FullAttentionWeights;
  readonly postAttentionLayernorm: Weight;
  /** (num_experts, hidden_size) */
  readonly router: Weight;
  /** (num_experts, 2 · intermediate_size, hidden_size), w1 before w3. */
  readonly gateUpProj: Weight;
  /** w2: (num_experts, hidden_size, intermediate_size) */
  readonly downProj: Weight;
}

export interface ReferenceWeights {
  readonly config: ModelConfig;
  /** (vocab_size, hidden_size) */
  readonly embedTokens: Weight;
  readonly layers: readonly LayerWeights[];
  readonly norm: Weight;
  /** (vocab_size, hidden_size); embedTokens itself where the head is tied. */
  readonly lmHead: Weight;
}

/** Reads and decodes all tensors: 4 bytes per parameter. Throws when one is missing. */
export async function readReferenceWeights(source: WeightSource): Promise<ReferenceWeights> {
  const { config } = source;
  const decoded = new Map<string, Weight>();
  for (const name of source.tensors.keys()) decoded.set(name, await readTensor(source, name));

  const tensor = (name: string): Weight => {
    const values = decoded.get(name);
    if (values === undefined) throw new RangeError(`tensor ${name}: expected it in the checkpoint, got none`);
    return values;
  };
  const embedTokens = tensor("model.embed_tokens.weight");
  return {
    config,
    embedTokens,
    layers: config.layerTypes.map((type, layer): LayerWeights => {
      const prefix = `model.layers.${layer}`;
      const attention = (name: string) => tensor(`${prefix}.self_attn.${name}.weight`);
      return {
        inputLayernorm: tensor(`${prefix}.input_layernorm.weight`),
        attention:
          type === "linear_attention"
            ? {
                type,
                qkvProj: attention("qkv_proj"),
                outputGate: attention("output_gate"),
                norm: attention("norm"),
                outProj: attention("out_proj"),
              }
            : {
                type,
                qProj: attention("q_proj"),
                kProj: attention("k_proj"),
                vProj: attention("v_proj"),
                oProj: attention("o_proj"),
              },
        postAttentionLayernorm: tensor(`${prefix}.post_attention_layernorm.weight`),
        router: tensor(`${prefix}.mlp.gate.weight`),
        gateUpProj: tensor(`${prefix}.mlp.experts.gate_up_proj`),
        downProj: tensor(`${prefix}.mlp.experts.down_proj`),
      };
    }),
    norm: tensor("model.norm.weight"),
    lmHead: config.tieWordEmbeddings ? embedTokens : tensor("lm_head.weight"),
  };
}

async function readTensor(source: WeightSource, name: string): Promise<Weight> {
  const { format, shape, sizeBytes } = source.tensors.get(name)!;
  const encoded = new Uint8Array(sizeBytes);
  let offset = 0;
  for await (const chunk of source.read(name)) {
    encoded.set(chunk, offset);
    offset += chunk.byteLength;
  }
  if (offset !== sizeBytes) throw new RangeError(`tensor ${name}: expected ${sizeBytes} bytes, got ${offset}`);
  const numColumns = shape.at(-1)!;
  const numRows = shape.slice(0, -1).reduce((product, length) => product * length, 1);
  return decodeRows(format, encoded, numRows, numColumns);
}
