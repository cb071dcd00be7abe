import { describe, expect, it } from "vitest";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import { parseManifest } from "../../src/checkpoint/manifest.ts";
import { makeCheckpoint, openMade } from "./made-checkpoint.ts";
import { refusal } from "./refusal.ts";

type Json = Record<string, unknown>;

interface ManifestJson extends Json {
  config: Json;
  sampling: Json;
  tensors: Json[];
  shards: Json[];
  files: Json[];
}

const converted = await convertCheckpoint(await openHfCheckpoint(openMade(makeCheckpoint())), () => Promise.resolve(), {
  quant: "q4",
});

const LATER = { numTokens: 1024, found: 0, asked: 3 };

/** A manifest that nothing is wrong with, to be spoiled. */
function makeManifest(): ManifestJson {
  const tokenizer = { file: "tokenizer.json", configFile: "tokenizer_config.json" };
  const files = Object.values(tokenizer).map((file, index) => ({
    file,
    sizeBytes: 5 + index,
    sha256: "0a".repeat(32),
  }));
  return JSON.parse(
    JSON.stringify({ name: "made", tokenizer, files, card: "README.md", recall: [LATER], ...converted.manifest }),
  ) as ManifestJson;
}

function tensorOf({ tensors }: ManifestJson, name: string): Json {
  return tensors.find((tensor) => tensor["name"] === name)!;
}

it("a manifest that is right is taken as it is", () => {
  expect(parseManifest(makeManifest())).toEqual(makeManifest());
  const plain = { ...makeManifest(), tokenizer: null, files: [], card: null };
  expect(parseManifest(plain)).toEqual(plain);
});

it("a manifest from before the tokenizer's files had digests, and recall was measured, knows nothing of them", () => {
  const { files: _, recall: __, ...earlier } = makeManifest();
  expect(parseManifest(earlier)).toEqual({ ...earlier, files: [], recall: [] });
});

const TOTAL_BYTES = converted.manifest.shards[0]!.sizeBytes;
const NORM = "model.layers.0.input_layernorm.weight";
const ROUTER = "model.layers.1.mlp.gate.weight";

describe("a manifest is refused when", () => {
  it.each<{ problem: string; spoil: (manifest: ManifestJson) => unknown; message: string }>([
    {
      problem: "its version is another",
      spoil: (manifest) => (manifest["formatVersion"] = 2),
      message: "formatVersion: expected 1, got 2",
    },
    {
      problem: "it has no config",
      spoil: (manifest) => delete (manifest as Json)["config"],
      message: "config: expected a JSON object, got nothing",
    },
    {
      problem: "it has no name",
      spoil: (manifest) => delete manifest["name"],
      message: "name: expected a text, got nothing",
    },
    {
      problem: "the number of parameters is not the config's",
      spoil: (manifest) => (manifest["numParameters"] = 5),
      message: `numParameters: expected ${converted.manifest.numParameters} by the config, got 5`,
    },
    ...Object.entries({
      numLayers: "a whole number from 1 to 64",
      numHeads: "a whole number from 1 to 256",
      numKvHeads: "a whole number from 1 to 2",
      headDim: "a whole number from 16 to 128",
      numExperts: "a whole number from 1 to 32",
      expertsPerToken: "a whole number from 1 to 2",
      vocabSize: "a whole number from 1 to 200064",
      hiddenSize: "a whole number from 32 to 16384",
      intermediateSize: "a whole number from 4 to 65536",
      rotaryFrequencies: "a whole number from 0 to 8",
      maxPositionEmbeddings: "a whole number of at least 1",
      trainedContextLength: "a whole number of at least 1",
      rmsNormEps: "a number from 0 to 1",
      ropeTheta: "a number of at least 1",
    }).map(([field, expected]) => ({
      problem: `config.${field} is -1`,
      spoil: ({ config }: ManifestJson) => (config[field] = -1),
      message: `config.${field}: expected ${expected}, got -1`,
    })),
    ...[
      ...["linearAttentionAlpha", "linearAttentionBeta", "fullAttentionAlpha", "fullAttentionBeta"],
      ...["mlpAlpha", "mlpBeta"],
    ].map((field) => ({
      problem: `config.${field} is missing`,
      spoil: ({ config }: ManifestJson) => delete config[field],
      message: `config.${field}: expected a number, got nothing`,
    })),
    {
      problem: "the heads are no multiple of the KV heads",
      spoil: ({ config }) => Object.assign(config, { numHeads: 3, numKvHeads: 2 }),
      message: "config.numKvHeads: expected a divisor of numHeads 3, got 2",
    },
    {
      problem: "whether the head is tied is not said",
      spoil: ({ config }) => delete config["tieWordEmbeddings"],
      message: "config.tieWordEmbeddings: expected true or false, got nothing",
    },
    {
      problem: "a layer type is unknown",
      spoil: ({ config }) => (config["layerTypes"] = ["linear_attention", "mamba"]),
      message:
        'config.layerTypes: expected 2 of "linear_attention" and "full_attention", got ["linear_attention","mamba"]',
    },
    {
      problem: "an end token is negative",
      spoil: ({ config }) => (config["endTokenIds"] = [-1]),
      message: "config.endTokenIds: expected at most 8 ids below vocabSize 48, got [-1]",
    },
    ...[
      { field: "found", value: 4, message: "recall.0.found: expected a whole number from 0 to 3, got 4" },
      { field: "asked", value: 0, message: "recall.0.asked: expected a whole number of at least 1, got 0" },
      {
        field: "numTokens",
        value: 9000,
        message: `recall: expected texts from the shortest to the longest, got [{"numTokens":9000,"found":2,"asked":3},{"numTokens":1024,"found":0,"asked":3}]`,
      },
    ].map(({ field, value, message }) => ({
      problem: `recall.0.${field} is ${value}`,
      spoil: (manifest: ManifestJson) =>
        Object.assign(manifest, { recall: [{ numTokens: 512, found: 2, asked: 3, [field]: value }, LATER] }),
      message,
    })),
    {
      problem: "sampling is absurd",
      spoil: ({ sampling }) => (sampling["topP"] = 1.5),
      message: "sampling.topP: expected a number from 0 to 1, got 1.5",
    },
    ...["../weights.bin", "/weights.bin", "a/weights.bin", "..", ".hidden", "https://a.b/c", "a\\b", ""].map(
      (file) => ({
        problem: `a shard is ${JSON.stringify(file)}`,
        spoil: ({ shards }: ManifestJson) => (shards[0]!["file"] = file),
        message: `shards.0.file: expected the name of a file in the same folder, got ${JSON.stringify(file)}`,
      }),
    ),
    {
      problem: "the tokenizer lies elsewhere",
      spoil: (manifest) => (manifest["tokenizer"] = { file: "../tokenizer.json", configFile: "a.json" }),
      message: 'tokenizer.file: expected the name of a file in the same folder, got "../tokenizer.json"',
    },
    {
      problem: "the card lies elsewhere",
      spoil: (manifest) => (manifest["card"] = "/etc/passwd"),
      message: 'card: expected the name of a file in the same folder, got "/etc/passwd"',
    },
    {
      problem: "the tokenizer's file is there twice",
      spoil: ({ files }) => files.push(files[0]!),
      message: "files: expected each file once, got tokenizer.json twice",
    },
    {
      problem: "the tokenizer's file has no size",
      spoil: ({ files }) => delete files[1]!["sizeBytes"],
      message: "files.1.sizeBytes: expected a whole number from 1 to 67108864, got nothing",
    },
    {
      problem: "a shard is there twice",
      spoil: ({ shards }) => shards.push({ ...shards[0] }),
      message: "shards: expected each file once, got weights-00001.bin twice",
    },
    {
      problem: "a shard is larger than 16 MiB",
      spoil: ({ shards }) => (shards[0]!["sizeBytes"] = 16777217),
      message: "shards.0.sizeBytes: expected a whole number from 1 to 16777216, got 16777217",
    },
    {
      problem: "a digest is none",
      spoil: ({ shards }) => (shards[0]!["sha256"] = "ABC"),
      message: 'shards.0.sha256: expected 64 hexadecimal digits, got "ABC"',
    },
    {
      problem: "a tensor is missing",
      spoil: ({ tensors }) => tensors.pop(),
      message: "lm_head.weight: expected the tensor, got none",
    },
    {
      problem: "a tensor is there twice",
      spoil: ({ tensors }) => tensors.push({ ...tensors[1], offset: 0 }),
      message: `${NORM}: expected a tensor of the config, once, got this one`,
    },
    {
      problem: "a tensor is not the config's",
      spoil: (manifest) => (tensorOf(manifest, NORM)["name"] = "model.extra.weight"),
      message: "model.extra.weight: expected a tensor of the config, once, got this one",
    },
    {
      problem: "a tensor has another shape",
      spoil: (manifest) => Object.assign(tensorOf(manifest, NORM), { shape: [32], sizeBytes: 128 }),
      message: `${NORM}: shape: expected (64), got (32)`,
    },
    {
      problem: "a norm is quantised",
      spoil: (manifest) => Object.assign(tensorOf(manifest, NORM), { format: "q8", sizeBytes: 80 }),
      message: `${NORM}: format: expected f32, got q8`,
    },
    {
      problem: "a router is not f32",
      spoil: (manifest) => Object.assign(tensorOf(manifest, ROUTER), { format: "f16", sizeBytes: 256 }),
      message: `${ROUTER}: format: expected f32, got f16`,
    },
    {
      problem: "a format is unknown",
      spoil: ({ tensors }) => (tensors[1]!["format"] = "q5"),
      message: 'tensors.1.format: expected f32, f16, q8, q4, got "q5"',
    },
    {
      problem: "a shape is empty",
      spoil: ({ tensors }) => (tensors[1]!["shape"] = []),
      message: "tensors.1.shape: expected a list of positive whole numbers, got []",
    },
    {
      problem: "groups are not whole",
      spoil: ({ tensors }) => (tensors[0]!["shape"] = [48, 65]),
      message: "tensors.0.shape: expected a last axis that 32 divides, got [48,65]",
    },
    {
      problem: "a size is not that of format and shape",
      spoil: ({ tensors }) => (tensors[1]!["sizeBytes"] = 252),
      message: `tensors.1.sizeBytes: expected 256 for ${NORM}, got 252`,
    },
    {
      problem: "an offset is not aligned",
      spoil: ({ tensors }) => (tensors[1]!["offset"] = 3841),
      message: `${NORM}: offset: expected 3840, got 3841`,
    },
    {
      problem: "a tensor goes past the last shard",
      spoil: ({ tensors }) => (tensors[1]!["offset"] = 1 << 20),
      message: `${NORM}: offset: expected 3840, got 1048576`,
    },
    {
      problem: "tensors overlap",
      spoil: ({ tensors }) => (tensors[1]!["offset"] = 3584),
      message: `${NORM}: offset: expected 3840, got 3584`,
    },
    {
      problem: "a gap lies between tensors",
      spoil: ({ tensors }) => (tensors[1]!["offset"] = 4096),
      message: `${NORM}: offset: expected 3840, got 4096`,
    },
    {
      problem: "the shards lack the last tensor's end",
      spoil: ({ shards }) => (shards[0]!["sizeBytes"] = TOTAL_BYTES - 1),
      message: `shards: expected ${TOTAL_BYTES} bytes by the tensors, got ${TOTAL_BYTES - 1}`,
    },
    {
      problem: "the shards go on after the last tensor",
      spoil: ({ shards }) => shards.push({ ...shards[0], file: "weights-00002.bin", sizeBytes: 7 }),
      message: `shards: expected ${TOTAL_BYTES} bytes by the tensors, got ${TOTAL_BYTES + 7}`,
    },
    {
      problem: "there are no shards",
      spoil: (manifest) => (manifest.shards = []),
      message: `shards: expected ${TOTAL_BYTES} bytes by the tensors, got 0`,
    },
  ])("$problem", ({ spoil, message }) => {
    const manifest = makeManifest();
    spoil(manifest);
    expect(refusal(() => parseManifest(manifest))).toBe(`manifest.json: ${message}`);
  });

  it("a list stands in its place", () => {
    expect(refusal(() => parseManifest([]))).toBe("manifest.json: expected a JSON object, got []");
  });
});
