// A Hugging Face directory opened: its config, and for each tensor of the plan the parts of its files that make it up.

import type { ByteSource } from "./byte-source.ts";
import { CheckpointError, shown } from "./checkpoint-error.ts";
import { findDuplicateKey } from "./duplicate-keys.ts";
import { type HfConfig, parseHfConfig } from "./hf-config.ts";
import { parseGenerationConfig } from "./generation-config.ts";
import type { SamplingDefaults } from "./manifest.ts";
import type { ModelConfig } from "./model-config.ts";
import { type Dtype, readSafetensors, type SafetensorsTensor } from "./safetensors.ts";
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
  readonly sampling: SamplingDefaults;
  readonly tensors: readonly CheckpointTensor[];
  /** What is there but not needed, a line each. */
  readonly warnings: readonly string[];
}

/** Opens and checks everything but the weights' values. Throws CheckpointError. */
export async function openHfCheckpoint(open: OpenFile): Promise<HfCheckpoint> {
  const hf = parseHfConfig(await readJson(open, "config.json"));
  const generationFile = "generation_config.json";
  const generationJson = (await open(generationFile)) ? await readJson(open, generationFile) : {};
  const { sampling, endTokenIds } = parseGenerationConfig(generationJson, hf.config.vocabSize);
  const { fileName, tensors: available } = await openTensors(open);
  const used = new Set<string>();
  const find: FindTensor = (name, shape) => {
    const tensor = available.get(name);
    if (!tensor) return undefined;
    if (tensor.shape.join() !== shape.join()) {
      const got = `(${tensor.shape.join(", ")})`;
      throw new CheckpointError(
        tensor.file.name,
        name,
        `shape: expected (${shape.join(", ")}) by config.json, got ${got}`,
      );
    }
    if (!WEIGHT_DTYPES.includes(tensor.dtype)) {
      throw new CheckpointError(
        tensor.file.name,
        name,
        `dtype: expected ${WEIGHT_DTYPES.join(", ")}, got ${tensor.dtype}`,
      );
    }
    used.add(name);
    return tensor;
  };
  const take: TakeTensor = (name, shape) => {
    const tensor = find(name, shape);
    if (!tensor) throw new CheckpointError(fileName, name, "expected the tensor, got none");
    return tensor;
  };
  const tensors = planTensors(hf.config).map((planned) => ({ ...planned, parts: findParts(planned, hf, find, take) }));
  const extra = [...available.values()].filter(({ name }) => !used.has(name));
  return {
    config: { ...hf.config, endTokenIds: endTokenIds ?? hf.config.endTokenIds },
    sampling,
    tensors,
    warnings: extra.map(({ file, name }) => `${file.name}: ${name}: expected no such tensor, left out`),
  };
}

const WEIGHT_DTYPES: readonly Dtype[] = ["F32", "F16", "BF16"];

type FindTensor = (name: string, shape: readonly number[]) => SafetensorsTensor | undefined;
type TakeTensor = (name: string, shape: readonly number[]) => SafetensorsTensor;

/** A tensor by its canonical name, or experts and router by the names they have apart. */
function findParts(
  planned: PlannedTensor,
  { config, rotaryDim }: HfConfig,
  find: FindTensor,
  take: TakeTensor,
): TensorPart[] {
  const { name, shape } = planned;
  const part = (tensor: SafetensorsTensor, reorder?: TensorPart["reorder"]): TensorPart => {
    return { tensor, numRows: tensor.shape.slice(0, -1).reduce((product, length) => product * length, 1), reorder };
  };
  const [, layer, mlp] = name.match(/^(model\.layers\.\d+)\.mlp\.(.+)$/) ?? [];
  const whole = mlp === undefined ? take(name, shape) : find(name, shape);
  if (whole) {
    const isRotated = rotaryDim !== undefined && /\.(q_proj|k_proj)\.weight$/.test(name);
    return [part(whole, isRotated ? rotaryOrder(config.headDim, rotaryDim) : undefined)];
  }
  const { numExperts, hiddenSize, intermediateSize } = config;
  const apart = `${layer}.block_sparse_moe`;
  if (mlp === "gate.weight") return [part(take(`${apart}.gate.weight`, shape))];
  const experts = Array.from({ length: numExperts }, (_, expert) => `${apart}.experts.${expert}`);
  if (mlp === "experts.down_proj") {
    return experts.map((expert) => part(take(`${expert}.w2.weight`, [hiddenSize, intermediateSize])));
  }
  return experts.flatMap((expert) =>
    ["w1", "w3"].map((matrix) => part(take(`${expert}.${matrix}.weight`, [intermediateSize, hiddenSize]))),
  );
}

/** MiniMax's rows of a head as Transformers' "proportional" RoPE pairs them: channel j with j + head_dim / 2. */
function rotaryOrder(headDim: number, rotaryDim: number): NonNullable<TensorPart["reorder"]> {
  const r = rotaryDim / 2;
  const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);
  const middle = rotaryDim + (headDim - rotaryDim) / 2;
  const from = [...range(0, r), ...range(rotaryDim, middle), ...range(r, rotaryDim), ...range(middle, headDim)];
  return { blockRows: headDim, from };
}

const SINGLE_FILE = "model.safetensors";
const INDEX_FILE = "model.safetensors.index.json";

interface OpenedTensors {
  /** Where a tensor would have to be. */
  readonly fileName: string;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

async function openTensors(open: OpenFile): Promise<OpenedTensors> {
  const single = await open(SINGLE_FILE);
  if (single) return { fileName: SINGLE_FILE, tensors: await readSafetensors(single) };
  const index = await readJson(open, INDEX_FILE, `${SINGLE_FILE} or ${INDEX_FILE}`);
  const weightMap = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof weightMap !== "object" || weightMap === null || Array.isArray(weightMap)) {
    throw new CheckpointError(INDEX_FILE, "weight_map", `expected a JSON object, got ${shown(weightMap)}`);
  }
  const shards = new Map<string, ReadonlyMap<string, SafetensorsTensor>>();
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, shardName] of Object.entries(weightMap as Record<string, unknown>)) {
    if (typeof shardName !== "string" || !/^\w[\w.-]*$/.test(shardName)) {
      const got = shown(shardName);
      throw new CheckpointError(INDEX_FILE, name, `expected the name of a file in the same folder, got ${got}`);
    }
    if (!shards.has(shardName)) {
      const shard = await open(shardName);
      if (!shard) throw new CheckpointError(INDEX_FILE, name, `expected the file ${shardName}, got none`);
      shards.set(shardName, await readSafetensors(shard));
    }
    const tensor = shards.get(shardName)!.get(name);
    if (!tensor) throw new CheckpointError(shardName, name, `expected the tensor by ${INDEX_FILE}, got none`);
    tensors.set(name, tensor);
  }
  for (const [shardName, shard] of shards) {
    for (const name of shard.keys()) {
      if (!tensors.has(name))
        throw new CheckpointError(shardName, name, `expected the tensor in ${INDEX_FILE}, got none`);
    }
  }
  return { fileName: INDEX_FILE, tensors };
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
    throw new CheckpointError(name, "", `expected JSON, got ${text === "" ? "an empty file" : "something else"}`, {
      cause,
    });
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw new CheckpointError(name, duplicate, "expected the key once, got it twice");
  return json;
}
