// The manifest of an exported model: everything but the weights' bytes. docs/format.md is its specification.

import { CheckpointError } from "./checkpoint-error.ts";
import { ConfigFields } from "./config-fields.ts";
import { CONFIG_LIMITS, MAX_END_TOKENS, MAX_EXPERTS_PER_TOKEN } from "./config-limits.ts";
import type { HashedFile } from "./hashed-file.ts";
import type { LayerType, ModelConfig } from "./model-config.ts";
import { numParametersOf, planTensors } from "./tensor-plan.ts";
import { GROUP_SIZE, rowStrideBytes, type WeightFormat, type WeightTensor } from "./weight-source.ts";

export const FORMAT_VERSION = 1;
export const MANIFEST_FILE = "manifest.json";
/** Tensors begin at multiples of this in the shards' bytes. */
export const TENSOR_ALIGNMENT = 256;
export const MAX_SHARD_BYTES = 16 * 1024 * 1024;
/** Of a file that is no shard. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Where the next tensor begins when one ends at `end`. */
export function alignOffset(end: number): number {
  return Math.ceil(end / TENSOR_ALIGNMENT) * TENSOR_ALIGNMENT;
}

export interface ManifestTensor extends WeightTensor {
  /** Of its first byte in the concatenated shards. */
  readonly offset: number;
}

export interface SamplingDefaults {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/** How many of the facts that are hidden in texts of some length the model finds: measured by `npm run needle`. */
export interface RecallAtLength {
  /** Of the text, nearly. */
  readonly numTokens: number;
  readonly found: number;
  readonly asked: number;
}

export interface Manifest {
  readonly formatVersion: number;
  readonly name: string;
  readonly numParameters: number;
  readonly config: ModelConfig;
  readonly sampling: SamplingDefaults;
  readonly tensors: readonly ManifestTensor[];
  readonly shards: readonly HashedFile[];
  /** null: the model can be verified, not chatted with. */
  readonly tokenizer: { readonly file: string; readonly configFile: string } | null;
  /** What is known of the tokenizer's files; exports from before there was this field know nothing. */
  readonly files: readonly HashedFile[];
  /** The model card. */
  readonly card: string | null;
  /** The shortest text first; empty where nothing was measured. */
  readonly recall: readonly RecallAtLength[];
}

const FORMATS: readonly unknown[] = ["f32", "f16", "q8", "q4"] satisfies WeightFormat[];

/** Checks every field. Throws CheckpointError naming the field or tensor. */
export function parseManifest(json: unknown, file = MANIFEST_FILE): Manifest {
  const fields = new ConfigFields(file, json);
  if (fields.get("formatVersion") !== FORMAT_VERSION) fields.fail("formatVersion", String(FORMAT_VERSION));
  const config = parseModelConfig(fields.object("config"));
  const shards = parseFiles(fields, file, "shards", MAX_SHARD_BYTES);
  const tensors = fields.list("tensors").map((tensor, index) => {
    return parseTensor(new ConfigFields(file, tensor, `tensors.${index}.`));
  });
  const endOfTensors = expectPlanned(file, tensors, config);
  const totalBytes = shards.reduce((sum, shard) => sum + shard.sizeBytes, 0);
  if (totalBytes !== endOfTensors) {
    throw new CheckpointError(file, "shards", `expected ${endOfTensors} bytes by the tensors, got ${totalBytes}`);
  }
  const numParameters = numParametersOf(config);
  if (fields.get("numParameters") !== numParameters) fields.fail("numParameters", `${numParameters} by the config`);
  const tokenizer = fields.get("tokenizer") === undefined ? null : fields.object("tokenizer");
  return {
    formatVersion: FORMAT_VERSION,
    name: fields.string("name"),
    numParameters,
    config,
    sampling: parseSampling(fields.object("sampling")),
    tensors,
    shards,
    tokenizer: tokenizer && {
      file: parseFileName(tokenizer, "file"),
      configFile: parseFileName(tokenizer, "configFile"),
    },
    files: fields.get("files") === undefined ? [] : parseFiles(fields, file, "files", MAX_FILE_BYTES),
    card: fields.get("card") === undefined ? null : parseFileName(fields, "card"),
    recall: fields.get("recall") === undefined ? [] : parseRecall(fields, file),
  };
}

/** Checks the manifest's form of the config, which is ModelConfig itself. Throws CheckpointError naming the field. */
export function parseModelConfig(fields: ConfigFields): ModelConfig {
  const numLayers = fields.integer("numLayers", CONFIG_LIMITS.numLayers);
  const numHeads = fields.integer("numHeads", CONFIG_LIMITS.numHeads);
  const numKvHeads = fields.integer("numKvHeads", { min: 1, max: numHeads });
  if (numHeads % numKvHeads !== 0) fields.fail("numKvHeads", `a divisor of numHeads ${numHeads}`);
  const headDim = fields.integer("headDim", CONFIG_LIMITS.headDim);
  const numExperts = fields.integer("numExperts", CONFIG_LIMITS.numExperts);
  const vocabSize = fields.integer("vocabSize", CONFIG_LIMITS.vocabSize);
  const layerTypes = fields.list("layerTypes");
  const isLayerType = (type: unknown): type is LayerType => type === "linear_attention" || type === "full_attention";
  if (layerTypes.length !== numLayers || !layerTypes.every(isLayerType)) {
    fields.fail("layerTypes", `${numLayers} of "linear_attention" and "full_attention"`);
  }
  const endTokenIds = fields.list("endTokenIds");
  const isId = (id: unknown) => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocabSize;
  if (endTokenIds.length > MAX_END_TOKENS || !endTokenIds.every(isId)) {
    fields.fail("endTokenIds", `at most ${MAX_END_TOKENS} ids below vocabSize ${vocabSize}`);
  }
  const trained = fields.get("trainedContextLength");
  return {
    vocabSize,
    hiddenSize: fields.integer("hiddenSize", CONFIG_LIMITS.hiddenSize),
    intermediateSize: fields.integer("intermediateSize", CONFIG_LIMITS.intermediateSize),
    numLayers,
    numHeads,
    numKvHeads,
    headDim,
    numExperts,
    expertsPerToken: fields.integer("expertsPerToken", { min: 1, max: Math.min(numExperts, MAX_EXPERTS_PER_TOKEN) }),
    rmsNormEps: fields.number("rmsNormEps", CONFIG_LIMITS.rmsNormEps),
    layerTypes: layerTypes as LayerType[],
    ropeTheta: fields.number("ropeTheta", CONFIG_LIMITS.ropeTheta),
    rotaryFrequencies: fields.integer("rotaryFrequencies", { min: 0, max: headDim / 2 }),
    linearAttentionAlpha: fields.number("linearAttentionAlpha"),
    linearAttentionBeta: fields.number("linearAttentionBeta"),
    fullAttentionAlpha: fields.number("fullAttentionAlpha"),
    fullAttentionBeta: fields.number("fullAttentionBeta"),
    mlpAlpha: fields.number("mlpAlpha"),
    mlpBeta: fields.number("mlpBeta"),
    tieWordEmbeddings: fields.boolean("tieWordEmbeddings"),
    maxPositionEmbeddings: fields.integer("maxPositionEmbeddings", CONFIG_LIMITS.positions),
    trainedContextLength:
      trained === undefined ? null : fields.integer("trainedContextLength", CONFIG_LIMITS.positions),
    endTokenIds: endTokenIds as number[],
  };
}

function parseSampling(fields: ConfigFields): SamplingDefaults {
  return {
    temperature: fields.number("temperature", { min: 0, max: 10 }),
    topK: fields.integer("topK", { min: 0 }),
    topP: fields.number("topP", { min: 0, max: 1 }),
    minP: fields.number("minP", { min: 0, max: 1 }),
  };
}

function parseRecall(fields: ConfigFields, file: string): RecallAtLength[] {
  const recall = fields.list("recall").map((entry, index) => {
    const at = new ConfigFields(file, entry, `recall.${index}.`);
    const asked = at.integer("asked", { min: 1 });
    return {
      numTokens: at.integer("numTokens", { min: 1 }),
      found: at.integer("found", { min: 0, max: asked }),
      asked,
    };
  });
  const isAscending = recall.every(({ numTokens }, index) => index === 0 || numTokens > recall[index - 1]!.numTokens);
  if (!isAscending) fields.fail("recall", "texts from the shortest to the longest");
  return recall;
}

function parseFiles(fields: ConfigFields, file: string, list: string, maxBytes: number): HashedFile[] {
  const files = fields.list(list).map((entry, index) => {
    return parseHashedFile(new ConfigFields(file, entry, `${list}.${index}.`), maxBytes);
  });
  const repeated = files.find((entry, index) => files.some((other, at) => at < index && other.file === entry.file));
  if (repeated) throw new CheckpointError(file, list, `expected each file once, got ${repeated.file} twice`);
  return files;
}

function parseHashedFile(fields: ConfigFields, maxBytes: number): HashedFile {
  const sha256 = fields.string("sha256");
  if (!/^[0-9a-f]{64}$/.test(sha256)) fields.fail("sha256", "64 hexadecimal digits");
  return {
    file: parseFileName(fields, "file"),
    sizeBytes: fields.integer("sizeBytes", { min: 1, max: maxBytes }),
    sha256,
  };
}

function parseTensor(fields: ConfigFields): ManifestTensor {
  const name = fields.string("name");
  const format = fields.get("format");
  if (!FORMATS.includes(format)) fields.fail("format", FORMATS.join(", "));
  const shape = fields.list("shape");
  if (shape.length === 0 || !shape.every((length) => Number.isSafeInteger(length) && (length as number) > 0)) {
    fields.fail("shape", "a list of positive whole numbers");
  }
  const lengths = shape as number[];
  const numColumns = lengths.at(-1)!;
  const isQuantised = format === "q4" || format === "q8";
  if (isQuantised && numColumns % GROUP_SIZE !== 0) fields.fail("shape", `a last axis that ${GROUP_SIZE} divides`);
  const numRows = lengths.slice(0, -1).reduce((product, length) => product * length, 1);
  const sizeBytes = numRows * rowStrideBytes(format as WeightFormat, numColumns);
  if (fields.get("sizeBytes") !== sizeBytes) fields.fail("sizeBytes", `${sizeBytes} for ${name}`);
  const offset = fields.integer("offset", { min: 0 });
  return { name, format: format as WeightFormat, shape: lengths, offset, sizeBytes };
}

function parseFileName(fields: ConfigFields, name: string): string {
  const value = fields.string(name);
  if (!/^[\w-][\w.-]*$/.test(value)) fields.fail(name, "the name of a file in the same folder");
  return value;
}

/** All tensors of the config are there, once, in their shapes, one after another; nothing else is. Returns where the last
 * one ends. */
function expectPlanned(file: string, tensors: readonly ManifestTensor[], config: ModelConfig): number {
  const planned = new Map(planTensors(config).map((tensor) => [tensor.name, tensor]));
  let end = 0;
  for (const { name, shape, format, offset, sizeBytes } of tensors) {
    const tensor = planned.get(name);
    if (!tensor) throw new CheckpointError(file, name, "expected a tensor of the config, once, got this one");
    planned.delete(name);
    if (shape.join() !== tensor.shape.join()) {
      throw new CheckpointError(file, name, `shape: expected (${tensor.shape.join(", ")}), got (${shape.join(", ")})`);
    }
    if ((tensor.kind === "norm" || tensor.kind === "router") && format !== "f32") {
      throw new CheckpointError(file, name, `format: expected f32, got ${format}`);
    }
    const start = alignOffset(end);
    if (offset !== start) throw new CheckpointError(file, name, `offset: expected ${start}, got ${offset}`);
    end = offset + sizeBytes;
  }
  for (const name of planned.keys()) throw new CheckpointError(file, name, "expected the tensor, got none");
  return end;
}
