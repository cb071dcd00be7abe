import { describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import {
  filesOf,
  type MadeCheckpoint,
  makeCheckpoint,
  openMade,
  sourceOf,
  textBytes,
  writeSafetensors,
} from "./made-checkpoint.ts";

/** The message with which a made checkpoint is refused, after a change. */
async function refusal(change: (checkpoint: MadeCheckpoint) => void): Promise<string> {
  const checkpoint = makeCheckpoint();
  change(checkpoint);
  const error: unknown = await openHfCheckpoint(openMade(checkpoint)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CheckpointError);
  return (error as CheckpointError).message;
}

const INDEX = "model.safetensors.index.json";

/** The same tensors in two shards and an index. */
function split(checkpoint: MadeCheckpoint): Record<string, string> {
  const names = Object.keys(checkpoint.tensors);
  const shardOf = (index: number) => `model-0000${index < names.length / 2 ? 1 : 2}-of-00002.safetensors`;
  const weightMap = Object.fromEntries(names.map((name, index) => [name, shardOf(index)]));
  for (const shard of new Set(Object.values(weightMap))) {
    const inside = Object.entries(checkpoint.tensors).filter(([name]) => weightMap[name] === shard);
    checkpoint.files[shard] = writeSafetensors(Object.fromEntries(inside));
  }
  return weightMap;
}

function openSplit(checkpoint: MadeCheckpoint, weightMap: unknown) {
  const { "model.safetensors": _single, ...files } = filesOf(checkpoint);
  files[INDEX] = textBytes(JSON.stringify({ metadata: {}, weight_map: weightMap }));
  return openHfCheckpoint((name) => Promise.resolve(files[name] && sourceOf(name, files[name])));
}

describe("a checkpoint is refused when", () => {
  it("config.json is missing", async () => {
    const open = () => Promise.resolve(undefined);
    await expect(openHfCheckpoint(open)).rejects.toThrow(
      new CheckpointError("config.json", "", "expected the file, got none"),
    );
  });

  it.each<{ problem: string; change: (checkpoint: MadeCheckpoint) => void; message: string }>([
    {
      problem: "config.json is empty",
      change: ({ files }) => (files["config.json"] = textBytes("")),
      message: "config.json: expected JSON, got an empty file",
    },
    {
      problem: "config.json is no JSON",
      change: ({ files }) => (files["config.json"] = textBytes("{model_type: minimax}")),
      message: "config.json: expected JSON, got something else",
    },
    {
      problem: "config.json has a field twice",
      change: ({ files }) => (files["config.json"] = textBytes('{"hidden_size":32,"hidden_size":64}')),
      message: "config.json: hidden_size: expected the key once, got it twice",
    },
    {
      problem: "generation_config.json asks for an end token beyond the vocabulary",
      change: ({ files }) => (files["generation_config.json"] = textBytes('{"eos_token_id":48}')),
      message: "generation_config.json: eos_token_id: expected at most 8 ids below vocab_size 48, got 48",
    },
    {
      problem: "a tensor is missing",
      change: ({ tensors }) => delete tensors["model.layers.1.self_attn.k_proj.weight"],
      message: "model.safetensors: model.layers.1.self_attn.k_proj.weight: expected the tensor, got none",
    },
    {
      problem: "an expert's matrix is missing",
      change: ({ tensors }) => delete tensors["model.layers.0.block_sparse_moe.experts.1.w3.weight"],
      message: "model.safetensors: model.layers.0.block_sparse_moe.experts.1.w3.weight: expected the tensor, got none",
    },
    {
      problem: "the head is missing and not tied",
      change: ({ tensors }) => delete tensors["lm_head.weight"],
      message: "model.safetensors: lm_head.weight: expected the tensor, got none",
    },
    {
      problem: "a tensor has another shape than the config says",
      change: ({ config }) => (config["vocab_size"] = 50),
      message: "model.safetensors: model.embed_tokens.weight: shape: expected (50, 64) by config.json, got (48, 64)",
    },
    {
      problem: "an expert's matrix is transposed",
      change: ({ tensors }) => (tensors["model.layers.0.block_sparse_moe.experts.0.w2.weight"]!.shape = [32, 64]),
      message:
        "model.safetensors: model.layers.0.block_sparse_moe.experts.0.w2.weight: " +
        "shape: expected (64, 32) by config.json, got (32, 64)",
    },
    {
      problem: "the layer types are not those of the tensors",
      change: ({ config }) => (config["layer_types"] = ["full_attention", "full_attention"]),
      message: "model.safetensors: model.layers.0.self_attn.q_proj.weight: expected the tensor, got none",
    },
    {
      problem: "weights are whole numbers",
      change: ({ tensors }) => (tensors["model.norm.weight"]!.dtype = "I32"),
      message: "model.safetensors: model.norm.weight: dtype: expected F32, F16, BF16, got I32",
    },
    {
      problem: "weights are f8",
      change: ({ tensors }) => {
        tensors["model.norm.weight"] = { dtype: "F8_E4M3", shape: [64], bytes: new Uint8Array(64) };
      },
      message: "model.safetensors: model.norm.weight: dtype: expected F32, F16, BF16, got F8_E4M3",
    },
  ])("$problem", async ({ change, message }) => expect(await refusal(change)).toBe(message));
});

describe("an index of shards", () => {
  it("gives the same tensors as a single file", async () => {
    const checkpoint = makeCheckpoint();
    const whole = await openHfCheckpoint(openMade(checkpoint));
    const sharded = await openSplit(checkpoint, split(checkpoint));
    expect(sharded.tensors.map(({ name }) => name)).toEqual(whole.tensors.map(({ name }) => name));
    expect(new Set(sharded.tensors.map(({ parts }) => parts[0]!.tensor.file.name)).size).toBe(2);
  });

  it("is asked for where there is no single file", async () => {
    const files = { "config.json": filesOf(makeCheckpoint())["config.json"]! };
    const open = (name: string) =>
      Promise.resolve(name === "config.json" ? sourceOf(name, files["config.json"]) : undefined);
    await expect(openHfCheckpoint(open)).rejects.toThrow(
      new CheckpointError(INDEX, "", "expected model.safetensors or model.safetensors.index.json, got none"),
    );
  });

  it.each([
    { problem: "goes up", shard: "../model.safetensors" },
    { problem: "is absolute", shard: "/etc/passwd" },
    { problem: "is a drive's", shard: "C:\\model.safetensors" },
    { problem: "lies in a subfolder", shard: "sub/model.safetensors" },
    { problem: "is the folder itself", shard: ".." },
    { problem: "has a zero byte", shard: "model\0.safetensors" },
    { problem: "is an address", shard: "https://example.org/x" },
    { problem: "is empty", shard: "" },
    { problem: "is a number", shard: 7 },
  ])("is refused with a shard name that $problem", async ({ shard }) => {
    const checkpoint = makeCheckpoint();
    const weightMap = { ...split(checkpoint), "model.norm.weight": shard };
    await expect(openSplit(checkpoint, weightMap)).rejects.toThrow(
      new CheckpointError(
        INDEX,
        "model.norm.weight",
        `expected the name of a file in the same folder, got ${JSON.stringify(shard)}`,
      ),
    );
  });

  it("is refused when a shard is missing", async () => {
    const checkpoint = makeCheckpoint();
    const weightMap = { ...split(checkpoint), "model.norm.weight": "model-00003-of-00003.safetensors" };
    await expect(openSplit(checkpoint, weightMap)).rejects.toThrow(
      new CheckpointError(INDEX, "model.norm.weight", "expected the file model-00003-of-00003.safetensors, got none"),
    );
  });

  it("is refused when a shard lacks a tensor", async () => {
    const checkpoint = makeCheckpoint();
    const first = "model-00001-of-00002.safetensors";
    await expect(openSplit(checkpoint, { ...split(checkpoint), "model.norm.weight": first })).rejects.toThrow(
      new CheckpointError(first, "model.norm.weight", `expected the tensor by ${INDEX}, got none`),
    );
  });

  it("is refused when it leaves out a shard's tensor", async () => {
    const checkpoint = makeCheckpoint();
    const { "model.norm.weight": shard, ...weightMap } = split(checkpoint);
    await expect(openSplit(checkpoint, weightMap)).rejects.toThrow(
      new CheckpointError(shard!, "model.norm.weight", `expected the tensor in ${INDEX}, got none`),
    );
  });

  it("is named when neither it nor a shard has a tensor", async () => {
    const checkpoint = makeCheckpoint();
    delete checkpoint.tensors["model.norm.weight"];
    await expect(openSplit(checkpoint, split(checkpoint))).rejects.toThrow(
      new CheckpointError(INDEX, "model.norm.weight", "expected the tensor, got none"),
    );
  });

  it.each([
    { weightMap: undefined, got: "nothing" },
    { weightMap: ["a"], got: '["a"]' },
  ])("is refused with $got as weight_map", async ({ weightMap, got }) => {
    const checkpoint = makeCheckpoint();
    await expect(openSplit(checkpoint, weightMap)).rejects.toThrow(
      new CheckpointError(INDEX, "weight_map", `expected a JSON object, got ${got}`),
    );
  });
});

describe("a checkpoint", () => {
  it("with tensors that no one needs is opened with a warning for each", async () => {
    const checkpoint = makeCheckpoint();
    checkpoint.tensors["model.rotary.inv_freq"] = { dtype: "I64", shape: [1], bytes: new Uint8Array(8) };
    checkpoint.config["tie_word_embeddings"] = true;
    const { warnings, tensors } = await openHfCheckpoint(openMade(checkpoint));
    expect(warnings).toEqual([
      "model.safetensors: lm_head.weight: expected no such tensor, left out",
      "model.safetensors: model.rotary.inv_freq: expected no such tensor, left out",
    ]);
    expect(tensors.map(({ name }) => name)).not.toContain("lm_head.weight");
  });

  it("ends answers as generation_config.json says, before config.json", async () => {
    const checkpoint = makeCheckpoint();
    expect((await openHfCheckpoint(openMade(checkpoint))).config.endTokenIds).toEqual([2]);
    checkpoint.files["generation_config.json"] = textBytes('{"eos_token_id":[3,4],"top_k":40}');
    const { config, sampling } = await openHfCheckpoint(openMade(checkpoint));
    expect(config.endTokenIds).toEqual([3, 4]);
    expect(sampling).toEqual({ temperature: 1, topK: 40, topP: 1, minP: 0 });
  });
});
