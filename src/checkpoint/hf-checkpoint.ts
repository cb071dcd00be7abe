// A Hugging Face directory opened: its config, and for each tensor of the plan the parts of its files that make it up.

import type { ByteSource } from "./byte-source.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { findDuplicateKey } from "./duplicate-keys.ts";
import { type HfConfig, parseHfConfig } from "./hf-config.ts";
import type { ModelConfig } from "./model-config.ts";
import { readSafetensors, type SafetensorsTensor } from "./safetensors.ts";
import { type PlannedTensor, planTensors } from "./tensor-plan.ts";

/** A folder's files by name; undefined for one that is not there. */
export type OpenFile = (name: string) => Promise<ByteSource | undefined>;

/** Rows of a checkpoint's tensor, which follow each other in the exported one. */
export interface TensorPart {
  readonly tensor: SafetensorsTensor;
  readonly numRows: number;
  /** Row of the exported part → row of the checkpoint's, within each `blockRows` rows. */
  readonly reorder: { readonly blockRows: number; readonly from: readonly number[] } | undefined;
}

export interface CheckpointTensor extends PlannedTensor {
  readonly parts: readonly TensorPart[];
}

export interface HfCheckpoint {
  readonly config: ModelConfig;
  readonly tensors: readonly CheckpointTensor[];
  /** What is there but not needed, a line each. */
  readonly warnings: readonly string[];
}

/** Opens and checks everything but the weights' values. Throws CheckpointError. */
export async function openHfCheckpoint(open: OpenFile): Promise<HfCheckpoint> {
  const hf = parseHfConfig(await readJson(open, "config.json"));
  const available = await openTensors(open);
  const used = new Set<string>();
  const take = (name: string, shape: readonly number[]): SafetensorsTensor | undefined => {
    const tensor = available.get(name);
    if (!tensor) return undefined;
    if (tensor.shape.join() !== shape.join()) {
      const got = `(${tensor.shape.join(", ")})`;
      throw new CheckpointError(tensor.file.name, name, `shape: expected (${shape.join(", ")}) by config.json, got ${got}`);
    }
    if (tensor.dtype === "I32") {
      throw new CheckpointError(tensor.file.name, name, "dtype: expected F32, F16, BF16, got I32");
    }
    used.add(name);
    return tensor;
  };
  const tensors = planTensors(hf.config).map((planned) => ({ ...planned, parts: findParts(planned, hf, take) }));
  // Routers are written once more by some tools, tied heads too.
  const extra = [...available.values()].filter(({ name }) => !used.has(name));
  return {
    config: hf.config,
    tensors,
    warnings: extra.map(({ file, name }) => `${file.name}: ${name}: expected no such tensor, left out`),
  };
}

type TakeTensor = (name: string, shape: readonly number[]) => SafetensorsTensor | undefined;

function findParts({ name, shape }: PlannedTensor, { config, rotaryDim }: HfConfig, take: TakeTensor): TensorPart[] {
  const whole = take(name, shape);
  const numRows = shape.slice(0, -1).reduce((product, length) => product * length, 1);
  if (whole) {
    const isRotated = rotaryDim !== undefined && /\.(q_proj|k_proj)\.weight$/.test(name);
    return [{ tensor: whole, numRows, reorder: isRotated ? rotaryOrder(config.headDim, rotaryDim) : undefined }];
  }
  const separate = name.match(/^(model\.layers\.\d+)\.mlp\.(gate\.weight|experts\.gate_up_proj|experts\.down_proj)$/);
  if (!separate) return fail(name);
  const prefix = `${separate[1]}.block_sparse_moe`;
  const { numExperts, hiddenSize, intermediateSize } = config;
  const part = (partName: string, partShape: readonly number[]): TensorPart => {
    const tensor = take(partName, partShape) ?? fail(partName);
    return { tensor, numRows: partShape[0]!, reorder: undefined };
  };
  if (separate[2] === "gate.weight") return [part(`${prefix}.gate.weight`, [numExperts, hiddenSize])];
  const experts = Array.from({ length: numExperts }, (_, expert) => `${prefix}.experts.${expert}`);
  if (separate[2] === "experts.down_proj") {
    return experts.map((expert) => part(`${expert}.w2.weight`, [hiddenSize, intermediateSize]));
  }
  return experts.flatMap((expert) =>
    ["w1", "w3"].map((matrix) => part(`${expert}.${matrix}.weight`, [intermediateSize, hiddenSize])),
  );
}

function fail(tensor: string): never {
  throw new CheckpointError("model.safetensors", tensor, "expected the tensor, got none");
}

/** MiniMax's rows of a head as Transformers' "proportional" RoPE pairs them: channel j with j + head_dim / 2. */
function rotaryOrder(headDim: number, rotaryDim: number): NonNullable<TensorPart["reorder"]> {
  const r = rotaryDim / 2;
  const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);
  const middle = rotaryDim + (headDim - rotaryDim) / 2;
  const from = [...range(0, r), ...range(rotaryDim, middle), ...range(r, rotaryDim), ...range(middle, headDim)];
  return { blockRows: headDim, from };
}

async function openTensors(open: OpenFile): Promise<ReadonlyMap<string, SafetensorsTensor>> {
  const single = await open("model.safetensors");
  if (single) return readSafetensors(single);
  const indexName = "model.safetensors.index.json";
  const index = await readJson(open, indexName, "model.safetensors or model.safetensors.index.json");
  const weightMap = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof weightMap !== "object" || weightMap === null) {
    throw new CheckpointError(indexName, "weight_map", "expected an object, got nothing");
  }
  const shards = new Map<string, ReadonlyMap<string, SafetensorsTensor>>();
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, shardName] of Object.entries(weightMap)) {
    const isPlain = typeof shardName === "string" && /^[\w.-]+$/.test(shardName) && !shardName.startsWith(".");
    if (!isPlain) {
      const got = JSON.stringify(shardName);
      throw new CheckpointError(indexName, name, `expected the name of a file in the same folder, got ${got}`);
    }
    if (!shards.has(shardName)) {
      const shard = await open(shardName);
      if (!shard) throw new CheckpointError(indexName, name, `expected the file ${shardName}, got none`);
      shards.set(shardName, await readSafetensors(shard));
    }
    const tensor = shards.get(shardName)!.get(name);
    if (!tensor) throw new CheckpointError(shardName, name, `expected the tensor by ${indexName}, got none`);
    tensors.set(name, tensor);
  }
  for (const [shardName, shard] of shards) {
    for (const name of shard.keys()) {
      if (!Object.hasOwn(weightMap, name)) {
        throw new CheckpointError(shardName, name, `expected the tensor in ${indexName}, got none`);
      }
    }
  }
  return tensors;
}

/** Parses a JSON file of the folder. Throws CheckpointError when it is missing, no JSON, or has a key twice. */
export async function readJson(open: OpenFile, name: string, expected = "the file"): Promise<unknown> {
  const file = await open(name);
  if (!file) throw new CheckpointError(name, "", `expected ${expected}, got none`);
  const text = new TextDecoder().decode(await file.read(0, file.sizeBytes));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(name, "", `expected JSON, got ${text === "" ? "an empty file" : "something else"}`, { cause });
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw new CheckpointError(name, duplicate, "expected the key once, got it twice");
  return json;
}
