import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseGenerationConfig } from "../../src/checkpoint/generation-config.ts";
import { parseHfConfig } from "../../src/checkpoint/hf-config.ts";
import { refusal } from "./refusal.ts";

type Json = Record<string, unknown>;

interface Refused {
  field: string;
  /** undefined: the field is missing. */
  value: unknown;
  expected: string;
  got: string;
}

function readConfig(name: string): Json {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}/config.json`, import.meta.url), "utf8")) as Json;
}

const tiny = readConfig("golden-tiny");
const original = readConfig("golden-original");
const fused = readConfig("golden-fused");

describe("a config", () => {
  it("of Transformers' family becomes a ModelConfig", () => {
    expect(parseHfConfig(tiny)).toEqual({
      rotaryDim: undefined,
      config: {
        ...{
          vocabSize: 256,
          hiddenSize: 64,
          intermediateSize: 48,
          numLayers: 8,
          numHeads: 4,
          numKvHeads: 2,
          headDim: 24,
        },
        ...{ numExperts: 4, expertsPerToken: 2, rmsNormEps: 1e-5, ropeTheta: 10000, rotaryFrequencies: 6 },
        layerTypes: [...Array<string>(7).fill("linear_attention"), "full_attention"],
        ...{ linearAttentionAlpha: 1.7, linearAttentionBeta: 0.9, fullAttentionAlpha: 2.1, fullAttentionBeta: 1.15 },
        ...{ mlpAlpha: 1.4, mlpBeta: 0.8, tieWordEmbeddings: false, maxPositionEmbeddings: 1048576 },
        ...{ trainedContextLength: null, endTokenIds: [2] },
      },
    });
  });

  it("of MiniMax's own family becomes the same, but for the table's end, with the rows to reorder", () => {
    const { config } = parseHfConfig(tiny);
    expect(parseHfConfig(original)).toEqual({ rotaryDim: 12, config: { ...config, maxPositionEmbeddings: 10240000 } });
  });

  it.each<{ says: string; change: Json; ropeTheta: number; rotaryFrequencies: number }>([
    { says: "a bare rope_theta", change: {}, ropeTheta: 500, rotaryFrequencies: 16 },
    {
      says: '"default"',
      change: { rope_parameters: { rope_type: "default", rope_theta: 7000 } },
      ropeTheta: 7000,
      rotaryFrequencies: 16,
    },
    {
      says: '"proportional" by 0.3',
      change: { rope_parameters: { rope_type: "proportional", rope_theta: 7000, partial_rotary_factor: 0.3 } },
      ropeTheta: 7000,
      rotaryFrequencies: 4,
    },
    {
      says: '"proportional" whose numbers stand beside it',
      change: { rope_parameters: { rope_type: "proportional" }, rope_theta: 9000, partial_rotary_factor: 0.5 },
      ropeTheta: 9000,
      rotaryFrequencies: 8,
    },
    {
      says: "two bases, the inner one",
      change: { rope_parameters: { rope_theta: 7000 }, rope_theta: 9000 },
      ropeTheta: 7000,
      rotaryFrequencies: 16,
    },
  ])("with $says rotates as it says", ({ change, ropeTheta, rotaryFrequencies }) => {
    expect(parseHfConfig({ ...fused, ...change }).config).toMatchObject({ ropeTheta, rotaryFrequencies });
  });

  it("without head_dim divides hidden_size by the heads, and without factors takes 1", () => {
    const { linear_attn_alpha_factor: _alpha, mlp_beta_factor: _beta, ...rest } = tiny;
    const { config } = parseHfConfig({ ...rest, head_dim: undefined });
    expect(config).toMatchObject({ headDim: 16, linearAttentionAlpha: 1, mlpBeta: 1, mlpAlpha: 1.4 });
  });

  it("says how long a text the model was trained on", () => {
    expect(parseHfConfig({ ...tiny, trained_context_length: 2048 }).config.trainedContextLength).toBe(2048);
  });
});

describe("a config of Transformers' family is refused with", () => {
  it.each<Refused>([
    { field: "model_type", value: "llama", expected: '"minimax" or "minimax_text_01"', got: '"llama"' },
    { field: "model_type", value: undefined, expected: "a text", got: "nothing" },
    { field: "hidden_act", value: "gelu", expected: '"silu"', got: '"gelu"' },
    { field: "sliding_window", value: 4096, expected: "nothing", got: "4096" },
    { field: "rope_scaling", value: { type: "yarn" }, expected: "nothing", got: '{"type":"yarn"}' },
    { field: "vocab_size", value: undefined, expected: "a whole number from 1 to 200064", got: "nothing" },
    { field: "vocab_size", value: 0, expected: "a whole number from 1 to 200064", got: "0" },
    { field: "hidden_size", value: 80, expected: "a multiple of 32", got: "80" },
    { field: "hidden_size", value: "64", expected: "a whole number from 32 to 16384", got: '"64"' },
    { field: "intermediate_size", value: 46, expected: "a multiple of 4", got: "46" },
    { field: "num_hidden_layers", value: 1e9, expected: "a whole number from 1 to 64", got: "1000000000" },
    { field: "num_attention_heads", value: 0, expected: "a whole number from 1 to 256", got: "0" },
    { field: "num_key_value_heads", value: 3, expected: "a divisor of num_attention_heads 4", got: "3" },
    { field: "num_key_value_heads", value: 8, expected: "a whole number from 1 to 4", got: "8" },
    { field: "head_dim", value: 8, expected: "a whole number from 16 to 128", got: "8" },
    { field: "head_dim", value: 25, expected: "a multiple of 4", got: "25" },
    { field: "num_local_experts", value: 33, expected: "a whole number from 1 to 32", got: "33" },
    { field: "num_experts_per_tok", value: 5, expected: "a whole number from 1 to 4", got: "5" },
    { field: "num_experts_per_tok", value: 1.5, expected: "a whole number from 1 to 4", got: "1.5" },
    { field: "rms_norm_eps", value: -1, expected: "a number from 0 to 1", got: "-1" },
    { field: "layer_types", value: undefined, expected: "a list", got: "nothing" },
    { field: "layer_types", value: ["full_attention"], expected: "8 of them", got: '["full_attention"]' },
    {
      field: "layer_types",
      value: Array(8).fill("mamba"),
      expected: '"linear_attention" and "full_attention" only',
      got: '["mamba","mamba","mamba","mamba","mamba","mamba","mamba","mamba"]',
    },
    { field: "rope_parameters", value: 7, expected: "a JSON object", got: "7" },
    { field: "linear_attn_alpha_factor", value: "big", expected: "a number", got: '"big"' },
    { field: "tie_word_embeddings", value: "no", expected: "true or false", got: '"no"' },
    { field: "max_position_embeddings", value: 0, expected: "a whole number of at least 1", got: "0" },
    { field: "trained_context_length", value: 0.5, expected: "a whole number of at least 1", got: "0.5" },
    { field: "eos_token_id", value: 256, expected: "at most 8 ids below vocab_size 256", got: "256" },
    { field: "eos_token_id", value: [1, -1], expected: "at most 8 ids below vocab_size 256", got: "[1,-1]" },
  ])("$field $value", ({ field, value, expected, got }) => {
    const message = refusal(() => parseHfConfig({ ...tiny, [field]: value }));
    expect(message).toBe(`config.json: ${field}: expected ${expected}, got ${got}`);
  });

  it.each<Refused>([
    { field: "rope_type", value: "yarn", expected: '"default" or "proportional"', got: '"yarn"' },
    { field: "rope_theta", value: null, expected: "a number of at least 1", got: "nothing" },
    { field: "partial_rotary_factor", value: 1.5, expected: "a number from 0 to 1", got: "1.5" },
  ])("rope_parameters.$field $value", ({ field, value, expected, got }) => {
    const rope = { ...(tiny["rope_parameters"] as Json), [field]: value };
    expect(refusal(() => parseHfConfig({ ...tiny, rope_parameters: rope }))).toBe(
      `config.json: rope_parameters.${field}: expected ${expected}, got ${got}`,
    );
  });

  it("more experts per token than the engine takes, though there are as many", () => {
    const change = { num_local_experts: 16, num_experts_per_tok: 9 };
    expect(refusal(() => parseHfConfig({ ...tiny, ...change }))).toBe(
      "config.json: num_experts_per_tok: expected a whole number from 1 to 8, got 9",
    );
  });

  it("neither rope_parameters nor rope_theta", () => {
    expect(refusal(() => parseHfConfig({ ...tiny, rope_parameters: undefined }))).toBe(
      "config.json: rope_theta: expected a number of at least 1, got nothing",
    );
  });

  it("a list in place of the object", () => {
    expect(refusal(() => parseHfConfig([]))).toBe("config.json: expected a JSON object, got []");
  });
});

describe("a config of MiniMax's own family is refused with", () => {
  it.each<Refused>([
    { field: "postnorm", value: false, expected: "true", got: "false" },
    { field: "postnorm", value: undefined, expected: "true", got: "nothing" },
    { field: "shared_intermediate_size", value: 128, expected: "0", got: "128" },
    { field: "rotary_dim", value: 48, expected: "a whole number from 2 to 24", got: "48" },
    { field: "rotary_dim", value: 11, expected: "a multiple of 2", got: "11" },
    { field: "rope_theta", value: undefined, expected: "a number of at least 1", got: "nothing" },
    { field: "attn_type_list", value: [0, 1], expected: "8 of them", got: "[0,1]" },
    { field: "attn_type_list", value: Array(8).fill(2), expected: "0 and 1 only", got: "[2,2,2,2,2,2,2,2]" },
    { field: "layernorm_mlp_alpha", value: [1], expected: "a number", got: "[1]" },
  ])("$field $value", ({ field, value, expected, got }) => {
    const message = refusal(() => parseHfConfig({ ...original, [field]: value }));
    expect(message).toBe(`config.json: ${field}: expected ${expected}, got ${got}`);
  });
});

describe("a generation config", () => {
  it("gives the sampling's defaults and the end tokens", () => {
    const json = { do_sample: true, temperature: 0.7, top_k: 40, top_p: 0.95, min_p: 0.05, eos_token_id: [2, 5] };
    expect(parseGenerationConfig(json, 256)).toEqual({
      sampling: { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05 },
      endTokenIds: [2, 5],
    });
  });

  it("that says nothing leaves sampling plain and the end tokens to config.json", () => {
    const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0 };
    expect(parseGenerationConfig({}, 256)).toEqual({ sampling, endTokenIds: undefined });
    expect(parseGenerationConfig({ do_sample: false, temperature: 0.7 }, 256).sampling.temperature).toBe(0);
  });

  it.each<Refused>([
    { field: "temperature", value: -1, expected: "a number from 0 to 10", got: "-1" },
    { field: "top_k", value: 0.5, expected: "a whole number of at least 0", got: "0.5" },
    { field: "top_p", value: 2, expected: "a number from 0 to 1", got: "2" },
    { field: "min_p", value: "x", expected: "a number from 0 to 1", got: '"x"' },
    { field: "do_sample", value: 1, expected: "true or false", got: "1" },
    { field: "eos_token_id", value: 300, expected: "at most 8 ids below vocab_size 256", got: "300" },
  ])("is refused with $field $value", ({ field, value, expected, got }) => {
    expect(refusal(() => parseGenerationConfig({ [field]: value }, 256))).toBe(
      `generation_config.json: ${field}: expected ${expected}, got ${got}`,
    );
  });
});
