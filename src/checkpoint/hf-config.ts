// A Hugging Face `config.json` of either family, `minimax` (Transformers) or `minimax_text_01` (MiniMax's own), as ModelConfig.

import { ConfigFields } from "./config-fields.ts";
import { CONFIG_LIMITS, MAX_EXPERTS_PER_TOKEN } from "./config-limits.ts";
import { parseEndTokenIds } from "./generation-config.ts";
import type { LayerType, ModelConfig } from "./model-config.ts";

export interface HfConfig {
  readonly config: ModelConfig;
  /** Channels of a head that rotate among themselves (minimax_text_01): rows of q_proj and k_proj are reordered at export. */
  readonly rotaryDim: number | undefined;
}

/** Throws CheckpointError naming the field. */
export function parseHfConfig(json: unknown, file = "config.json"): HfConfig {
  const fields = new ConfigFields(file, json);
  const modelType = fields.string("model_type");
  if (modelType !== "minimax" && modelType !== "minimax_text_01") {
    return fields.fail("model_type", '"minimax" or "minimax_text_01"');
  }
  const isOriginal = modelType === "minimax_text_01";
  expectArchitecture(fields, isOriginal);
  const numLayers = fields.integer("num_hidden_layers", CONFIG_LIMITS.numLayers);
  const numHeads = fields.integer("num_attention_heads", CONFIG_LIMITS.numHeads);
  const numKvHeads = fields.integer("num_key_value_heads", { min: 1, max: numHeads });
  if (numHeads % numKvHeads !== 0) fields.fail("num_key_value_heads", `a divisor of num_attention_heads ${numHeads}`);
  const hiddenSize = fields.integer("hidden_size", CONFIG_LIMITS.hiddenSize);
  const derived = hiddenSize % numHeads === 0 ? hiddenSize / numHeads : undefined;
  const headDim = fields.integer("head_dim", CONFIG_LIMITS.headDim, derived);
  const numExperts = fields.integer("num_local_experts", CONFIG_LIMITS.numExperts);
  const vocabSize = fields.integer("vocab_size", CONFIG_LIMITS.vocabSize);
  const rope = isOriginal ? parseOriginalRope(fields, headDim) : parseRope(fields, headDim);
  const factors = isOriginal ? ORIGINAL_FACTORS : FACTORS;
  const factor = (name: keyof typeof FACTORS) => fields.number(factors[name], {}, 1);
  const trained = fields.get("trained_context_length");
  const mostExperts = Math.min(numExperts, MAX_EXPERTS_PER_TOKEN);
  const config: ModelConfig = {
    vocabSize,
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", CONFIG_LIMITS.intermediateSize),
    numLayers,
    numHeads,
    numKvHeads,
    headDim,
    numExperts,
    expertsPerToken: fields.integer("num_experts_per_tok", { min: 1, max: mostExperts }),
    rmsNormEps: fields.number("rms_norm_eps", CONFIG_LIMITS.rmsNormEps),
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
    maxPositionEmbeddings: fields.integer("max_position_embeddings", CONFIG_LIMITS.positions),
    trainedContextLength:
      trained === undefined ? null : fields.integer("trained_context_length", CONFIG_LIMITS.positions),
    endTokenIds: parseEndTokenIds(fields, vocabSize),
  };
  return { config, rotaryDim: rope.rotaryDim };
}

/** Refuses what the families' configs can ask for and the engine does not do. */
function expectArchitecture(fields: ConfigFields, isOriginal: boolean): void {
  if ((fields.get("hidden_act") ?? "silu") !== "silu") fields.fail("hidden_act", '"silu"');
  for (const name of ["sliding_window", "rope_scaling"])
    if (fields.get(name) !== undefined) fields.fail(name, "nothing");
  if (!isOriginal) return;
  if (fields.get("postnorm") !== true) fields.fail("postnorm", "true");
  if ((fields.get("shared_intermediate_size") ?? 0) !== 0) fields.fail("shared_intermediate_size", "0");
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

/** `rope_parameters` "default" or "proportional", or a bare `rope_theta`. As in Transformers, what `rope_parameters` leaves
 * out may stand beside it. */
function parseRope(fields: ConfigFields, headDim: number): Rope {
  const rope = fields.get("rope_parameters") === undefined ? fields : fields.object("rope_parameters");
  const holderOf = (name: string) => (rope.get(name) === undefined && fields.get(name) !== undefined ? fields : rope);
  const ropeTheta = holderOf("rope_theta").number("rope_theta", CONFIG_LIMITS.ropeTheta);
  const type = rope === fields ? "default" : (rope.get("rope_type") ?? "default");
  if (type === "default") return { ropeTheta, rotaryFrequencies: headDim / 2, rotaryDim: undefined };
  if (type !== "proportional") return rope.fail("rope_type", '"default" or "proportional"');
  const factor = holderOf("partial_rotary_factor").number("partial_rotary_factor", { min: 0, max: 1 }, 1);
  return { ropeTheta, rotaryFrequencies: Math.floor((factor * headDim) / 2), rotaryDim: undefined };
}

/** `rotary_dim` channels rotate among themselves; the base is raised so that the frequencies stay the same. */
function parseOriginalRope(fields: ConfigFields, headDim: number): Rope {
  const rotaryDim = fields.integer("rotary_dim", { min: 2, max: headDim, multipleOf: 2 }, headDim);
  const base = fields.number("rope_theta", CONFIG_LIMITS.ropeTheta);
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
