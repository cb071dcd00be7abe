import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createGgufModel, type TokenizerJson } from "../../../scripts/bench/peers/gguf-model.ts";
import { countMultiplyAdds, createLlamaOnnx, llamaConfig } from "../../../scripts/bench/peers/onnx-llama.ts";
import { createRelampagoOnnx } from "../../../scripts/bench/peers/onnx-relampago.ts";
import { createPrompt } from "../../../scripts/bench/peers/prompt.ts";
import { readFloats } from "../../../scripts/bench/peers/stored-tensors.ts";
import { createMadeUpSource } from "../../../src/bench/made-up-source.ts";
import { parseManifest } from "../../../src/checkpoint/manifest.ts";
import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import { Tokenizer } from "../../../src/text/tokenizer.ts";
import { MADE_UP_CONFIG } from "../../gpu/made-up-model.ts";
import { readGguf } from "./read-gguf.ts";
import { type Message, readMessage, readMessages, readText } from "./read-protobuf.ts";

const MODEL = "public/models/relampago-71m/";
const CONFIG: ModelConfig = {
  ...MADE_UP_CONFIG,
  vocabSize: 40,
  hiddenSize: 64,
  intermediateSize: 32,
  numLayers: 2,
  headDim: 32,
  rotaryFrequencies: 4,
  layerTypes: ["linear_attention", "full_attention"],
  linearAttentionAlpha: 2,
  fullAttentionAlpha: 2,
  mlpAlpha: 2,
};
const TOKENIZER: TokenizerJson = { model: { vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] }, added_tokens: [] };

const source = createMadeUpSource(CONFIG, "q4");
const original = (name: string) => readFloats(source, `model.${name}`);
const row = (values: Float32Array, index: number, width = CONFIG.hiddenSize) => {
  return values.subarray(index * width, (index + 1) * width);
};

describe("a model as GGUF", () => {
  const convert = async () => readGguf(await createGgufModel(source, TOKENIZER));

  test("holds the same numbers in llama.cpp's names", async () => {
    const { tensors, metadata } = await convert();
    const pairs = [
      ["token_embd", "embed_tokens"],
      ["blk.0.attn_norm", "layers.0.input_layernorm"],
      ["blk.0.attn_qkv", "layers.0.self_attn.qkv_proj"],
      ["blk.0.attn_gate", "layers.0.self_attn.output_gate"],
      ["blk.1.attn_v", "layers.1.self_attn.v_proj"],
      ["blk.1.ffn_gate_inp", "layers.1.mlp.gate"],
    ] as const;
    for (const [name, from] of pairs) {
      expect(tensors.get(`${name}.weight`)!.values, name).toEqual(await original(`${from}.weight`));
    }
    expect(tensors.get("blk.1.ffn_down_exps.weight")!.values).toEqual(await original("layers.1.mlp.experts.down_proj"));
    expect(metadata.get("minimax-01.residual_scale")).toBe(2);
    expect(metadata.get("minimax-01.full_attention_interval")).toBe(2);
    expect(metadata.get("tokenizer.ggml.merges")).toEqual(["a b"]);
  });

  test("has an expert's w1 and w3 apart", async () => {
    const { tensors } = await convert();
    const gateUp = await original("layers.0.mlp.experts.gate_up_proj");
    const [gate, up] = ["gate", "up"].map((name) => tensors.get(`blk.0.ffn_${name}_exps.weight`)!);
    expect(gate!.shape).toEqual([4, 32, 64]);
    expect(row(gate!.values, 2 * 32 + 5)).toEqual(row(gateUp, 2 * 64 + 5));
    expect(row(up!.values, 2 * 32 + 5)).toEqual(row(gateUp, 2 * 64 + 32 + 5));
  });

  test("has the channels that rotate first, paired within themselves", async () => {
    const { tensors, metadata } = await convert();
    const query = await original("layers.1.self_attn.q_proj.weight");
    const { values } = tensors.get("blk.1.attn_q.weight")!;
    expect(metadata.get("minimax-01.rope.dimension_count")).toBe(8);
    expect(metadata.get("minimax-01.rope.freq_base")).toBe(10);
    for (const [to, from] of [0, 1, 2, 3, 16, 17, 18, 19, 4].entries()) {
      expect(row(values, 32 + to), `channel ${to}`).toEqual(row(query, 32 + from));
    }
  });

  test("is refused where llama.cpp has no field for the config", async () => {
    const other = createMadeUpSource({ ...CONFIG, mlpAlpha: 3 }, "q4");
    await expect(createGgufModel(other, TOKENIZER)).rejects.toThrow("residual: expected one alpha, and betas of 1");
  });
});

describe("a model as ONNX", () => {
  const graphOf = (bytes: Uint8Array) => readMessages(readMessage(bytes), 7)[0]!;
  const constantsOf = (graph: Message) =>
    new Map(readMessages(graph, 5).map((tensor) => [readText(tensor, 8), tensor]));

  /** Dequantised rows of a MatMulNBits or QMoE weight. */
  const rowsOf = (graph: Message, weight: string, scale: string): Float32Array => {
    const constants = constantsOf(graph);
    const packed = constants.get(weight)!.get(9)![0] as Uint8Array;
    const scales = (constants.get(scale)!.get(9)![0] as Uint8Array).slice();
    const floats = new Float32Array(scales.buffer);
    return Float32Array.from({ length: packed.length * 2 }, (_, i) => {
      return floats[Math.floor(i / 32)]! * (((packed[i >> 1]! >> (4 * (i & 1))) & 15) - 8);
    });
  };

  test("has q, k and v one after another, alpha taken out", async () => {
    const graph = graphOf(await createRelampagoOnnx(source, 0));
    const values = rowsOf(graph, "lightning.0/qkv/weight", "lightning.0/qkv/scales");
    const perHead = await original("layers.0.self_attn.qkv_proj.weight");
    // Head 1's k: row 64 + 32 in the file, (1 · 3 + 1) · 32 in the model.
    for (const channel of [0, 7, 31]) {
      expect(row(values, 96 + channel)).toEqual(row(perHead, 128 + channel).map((value) => value / 2));
    }
  });

  test("has rows of an expert's w1 and w3 take turns, and the down projection as it is", async () => {
    const graph = graphOf(await createRelampagoOnnx(source, 0));
    const values = rowsOf(graph, "experts.1/gate_up", "experts.1/gate_up_scales");
    const gateUp = await original("layers.1.mlp.experts.gate_up_proj");
    expect(row(values, 3 * 64 + 10)).toEqual(row(gateUp, 3 * 64 + 5).map((value) => value / 2));
    expect(row(values, 3 * 64 + 11)).toEqual(row(gateUp, 3 * 64 + 32 + 5).map((value) => value / 2));
    const down = rowsOf(graph, "experts.1/down", "experts.1/down_scales");
    expect(down).toEqual(await original("layers.1.mlp.experts.down_proj"));
  });

  test("names every node's inputs before they are used", async () => {
    for (const bytes of [await createRelampagoOnnx(source, 0), createLlamaOnnx(llamaConfig(CONFIG), 0)]) {
      const graph = graphOf(bytes);
      const inputs = readMessages(graph, 11).map((input) => readText(input, 1));
      const known = new Set(["", ...inputs, ...constantsOf(graph).keys()]);
      for (const node of readMessages(graph, 1)) {
        const names = (field: number) =>
          (node.get(field) ?? []).map((text) => new TextDecoder().decode(text as Uint8Array));
        for (const name of names(1)) expect(known.has(name), name).toBe(true);
        for (const name of names(2)) known.add(name);
      }
      for (const output of readMessages(graph, 12)) expect(known.has(readText(output, 1))).toBe(true);
    }
  });
});

test("the Llama beside the shipped model has its multiply-adds to 1 %", () => {
  const { config } = parseManifest(readJson(`${MODEL}manifest.json`));
  const llama = llamaConfig(config);
  const asked = 16 * (2 * 384 * 8 * 64 + 3 * 384 * llama.intermediateSize) + 384 * 8192;
  expect(Math.abs(asked / countMultiplyAdds(config) - 1)).toBeLessThan(0.01);
});

test("a prompt's text is read as its ids", () => {
  const tokenizer = Tokenizer.parse(readJson(`${MODEL}tokenizer.json`), readJson(`${MODEL}tokenizer_config.json`));
  for (const length of [1, 16, 128, 1024]) {
    const { ids, text } = createPrompt(tokenizer, length);
    expect(ids).toHaveLength(length);
    expect(tokenizer.encode(text)).toEqual(ids);
  }
});

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
