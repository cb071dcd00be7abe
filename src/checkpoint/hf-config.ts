// A Hugging Face `config.json` of either family, `minimax` (Transformers) or `minimax_text_01` (MiniMax's own), as ModelConfig.

import { ConfigFields } from "./config-fields.ts";
import type { LayerType, ModelConfig } from "./model-config.ts";

export interface HfConfig {
  readonly config: ModelConfig;
  /** Channels of a head that rotate among themselves (minimax_text_01): rows of q_proj and k_proj are reordered at export. */
  readonly rotaryDim: number | undefined;
}

/** The largest sizes that the engine's kernels and bindings bear; smaller ones have bounds of their own. */
const MAX_VOCAB_SIZE = 262_144;
const MAX_LAYERS = 128;

/** Throws CheckpointError naming the field. */
export function parseHfConfig(json: unknown, file = "config.json"): HfConfig {
  const fields = new ConfigFields(file, json);
  const modelType = fields.string("model_type");
  if (modelType !== "minimax" && modelType !== "minimax_text_01") {
    return fields.fail("model_type", '"minimax" or "minimax_text_01"');
  }
  const isOriginal = modelType === "minimax_text_01";
  if (fields.get("hidden_act") !== undefined && fields.get("hidden_act") !== "silu") fields.fail("hidden_act", '"silu"');
  const numLayers = fields.integer("num_hidden_layers", { min: 1, max: MAX_LAYERS });
  const numHeads = fields.integer("num_attention_heads", { min: 1, max: 256 });
  const numKvHeads = fields.integer("num_key_value_heads", { min: 1, max: numHeads });
  if (numHeads % numKvHeads !== 0) fields.fail("num_key_value_heads", `a divisor of num_attention_heads ${numHeads}`);
  const hiddenSize = fields.integer("hidden_size", { min: 32, max: 16_384, multipleOf: 32 });
  const derived = hiddenSize % numHeads === 0 ? hiddenSize / numHeads : undefined;
  const headDim = fields.integer("head_dim", { min: 16, max: 128, multipleOf: 4 }, derived);
  const numExperts = fields.integer("num_local_experts", { min: 1, max: 32 });
  const rope = isOriginal ? parseOriginalRope(fields, headDim) : parseRope(fields, headDim);
  const factors = isOriginal ? ORIGINAL_FACTORS : FACTORS;
  const factor = (name: keyof typeof FACTORS) => fields.number(factors[name], {}, 1);
  const trained = fields.get("trained_context_length");
  const config: ModelConfig = {
    vocabSize: fields.integer("vocab_size", { min: 1, max: MAX_VOCAB_SIZE }),
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", { min: 4, max: 65_536, multipleOf: 4 }),
    numLayers,
    numHeads,
    numKvHeads,
    headDim,
    numExperts,
    expertsPerToken: fields.integer("num_experts_per_tok", { min: 1, max: Math.min(numExperts, 8) }),
    rmsNormEps: fields.number("rms_norm_eps", { min: 0, max: 1 }),
    layerTypes: isOriginal ? parseOriginalLayerTypes(fields, numLayers) : parseLayerTypes(fields, numLayers),
    ropeTheta: rope.ropeTheta,
    rotaryFrequencies: rope.rotaryFrequencies,
    linearAttentionAlpha: factor("linearAttentionAlpha"),
    linearAttentionBeta: factor("linearAttentionBeta"),
    fullAttentionAlpha: factor("fullAttentionAlpha"),
    fullAttentionBeta: factor("fullAttentionBeta"),
    mlpAlpha: factor("mlpAlpha"),
    mlpBeta: factor("mlpBeta"),
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", false),
    maxPositionEmbeddings: fields.integer("max_position_embeddings", { min: 1 }),
    trainedContextLength: trained === undefined ? null : fields.integer("trained_context_length", { min: 1 }),
    endTokenIds: parseEndTokenIds(fields),
  };
  const wrong = config.endTokenIds.find((id) => id >= config.vocabSize);
  if (wrong !== undefined) fields.fail("eos_token_id", `ids below vocab_size ${config.vocabSize}`);
  return { config, rotaryDim: rope.rotaryDim };
}

const FACTORS = {
  linearAttentionAlpha: "linear_attn_alpha_factor",
  linearAttentionBeta: "linear_attn_beta_factor",
  fullAttentionAlpha: "full_attn_alpha_factor",
  fullAttentionBeta: "full_attn_beta_factor",
  mlpAlpha: "mlp_alpha_factor",
  mlpBeta: "mlp_beta_factor",
} as const;

const ORIGINAL_FACTORS = {
  linearAttentionAlpha: "layernorm_linear_attention_alpha",
  linearAttentionBeta: "layernorm_linear_attention_beta",
  fullAttentionAlpha: "layernorm_full_attention_alpha",
  fullAttentionBeta: "layernorm_full_attention_beta",
  mlpAlpha: "layernorm_mlp_alpha",
  mlpBeta: "layernorm_mlp_beta",
} as const;

interface Rope {
  readonly ropeTheta: number;
  readonly rotaryFrequencies: number;
  readonly rotaryDim: number | undefined;
}

/** `rope_parameters` "default" or "proportional", or a bare `rope_theta`. */
function parseRope(fields: ConfigFields, headDim: number): Rope {
  const rope = fields.get("rope_parameters") === undefined ? fields : fields.object("rope_parameters");
  const ropeTheta = rope.number("rope_theta", { min: 1 });
  const type = rope === fields ? "default" : (rope.get("rope_type") ?? "default");
  if (type === "default") return { ropeTheta, rotaryFrequencies: headDim / 2, rotaryDim: undefined };
  if (type !== "proportional") return rope.fail("rope_type", '"default" or "proportional"');
  const factor = rope.number("partial_rotary_factor", { min: 0, max: 1 }, 1);
  return { ropeTheta, rotaryFrequencies: Math.floor((factor * headDim) / 2), rotaryDim: undefined };
}

/** `rotary_dim` channels rotate among themselves; the base is raised so that the frequencies stay the same. */
function parseOriginalRope(fields: ConfigFields, headDim: number): Rope {
  const rotaryDim = fields.integer("rotary_dim", { min: 2, max: headDim, multipleOf: 2 }, headDim);
  const base = fields.number("rope_theta", { min: 1 });
  return { ropeTheta: base ** (headDim / rotaryDim), rotaryFrequencies: rotaryDim / 2, rotaryDim };
}

function parseLayerTypes(fields: ConfigFields, numLayers: number): LayerType[] {
  const types = fields.list("layer_types");
  if (types.length !== numLayers) fields.fail("layer_types", `${numLayers} of them`);
  return types.map((type) => {
    if (type === "linear_attention" || type === "full_attention") return type;
    return fields.fail("layer_types", '"linear_attention" and "full_attention" only');
  });
}

function parseOriginalLayerTypes(fields: ConfigFields, numLayers: number): LayerType[] {
  const types = fields.list("attn_type_list");
  if (types.length !== numLayers) fields.fail("attn_type_list", `${numLayers} of them`);
  return types.map((type) => {
    if (type === 0) return "linear_attention";
    return type === 1 ? "full_attention" : fields.fail("attn_type_list", "0 and 1 only");
  });
}

function parseEndTokenIds(fields: ConfigFields): number[] {
  const value = fields.get("eos_token_id");
  const ids = value === undefined ? [] : Array.isArray(value) ? value : [value];
  if (ids.length > 8 || !ids.every((id) => Number.isSafeInteger(id) && id >= 0)) {
    return fields.fail("eos_token_id", "up to 8 whole numbers");
  }
  return ids as number[];
}
