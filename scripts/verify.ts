// `npm run verify -- <folder> [--quant f32] [--tokens n] [--features none]`: engine against float64 reference on a
// checkpoint, or on an exported model: golden ids where the folder has some, else random ones. Exits 1 past the tolerance.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readManifest } from "../src/chat/chat-model.ts";
import { CheckpointError } from "../src/checkpoint/checkpoint-error.ts";
import { openHfCheckpoint } from "../src/checkpoint/hf-checkpoint.ts";
import { createHfSource } from "../src/checkpoint/hf-source.ts";
import { MANIFEST_FILE } from "../src/checkpoint/manifest.ts";
import { readNumbers, readSafetensors, type SafetensorsTensor } from "../src/checkpoint/safetensors.ts";
import { createShardSource } from "../src/checkpoint/shard-source.ts";
import type { WeightFormat, WeightSource } from "../src/checkpoint/weight-source.ts";
import { FeatureChoiceError, parseFeatureChoice } from "../src/gpu/features.ts";
import { GpuSession } from "../src/gpu/session.ts";
import { Model } from "../src/model/model.ts";
import type { Sequence } from "../src/model/sequence.ts";
import { compareTaps, type Comparison, describeDivergence, largestError } from "../src/reference/compare.ts";
import { createReferenceState, referenceForward } from "../src/reference/model.ts";
import { readReferenceWeights, type ReferenceWeights } from "../src/reference/weights.ts";
import { openModelFolder, openFolder } from "./node/files.ts";
import { openGpu } from "./node/gpu.ts";
import { readShaders } from "./node/shaders.ts";

const USAGE =
  "usage: npm run verify -- <hf-dir or exported dir> [--quant q4|q8|f16|f32] [--tokens n] [--features default|none|subgroups,f16]";
const QUANTS: readonly string[] = ["q4", "q8", "f16", "f32"] satisfies WeightFormat[];
/** Engine (f32) against reference (float64) with the same weights: sums through all layers. */
const TOLERANCE = 2e-4;

/** A text to read, and the logits that Transformers gives for it, if known: of every token, or of the last. */
interface Prompt {
  readonly name: string;
  readonly ids: readonly number[];
  readonly goldenLogits: Float32Array | undefined;
}

interface Opened {
  readonly source: WeightSource;
  /** As the golden values of trained checkpoints are named; undefined when the weights' rounding is mixed. */
  readonly quant: WeightFormat;
}

async function open(folder: string, quant: WeightFormat): Promise<Opened> {
  if (!existsSync(join(folder, MANIFEST_FILE))) {
    return { source: createHfSource(await openHfCheckpoint(openFolder(folder)), quant), quant };
  }
  const files = openModelFolder(folder);
  const manifest = await readManifest(files);
  const experts = manifest.tensors.find(({ name }) => name.endsWith("gate_up_proj"))!;
  return { source: createShardSource(manifest, files), quant: experts.format };
}

/** Golden prompts `0`, `1`, … hold for f32; those of trained checkpoints are named `f32.hello`, `q4.hello`. */
async function readPrompts(folder: string, { source, quant }: Opened, numTokens: number): Promise<Prompt[]> {
  const file = await openFolder(folder)("golden.safetensors");
  const tensors: ReadonlyMap<string, SafetensorsTensor> = file ? await readSafetensors(file) : new Map();
  const prompts: Prompt[] = [];
  for (const [key, tensor] of tensors) {
    const name = key.replace(/\.ids$/, "");
    const isMeant = /^\d+$/.test(name) ? true : name.startsWith(`${quant}.`);
    if (name === key || !isMeant) continue;
    const ids = [...(await readWhole(tensor))].slice(0, numTokens);
    const logits = tensors.get(`${name}.logits`);
    const isWhole = ids.length === tensor.shape[0];
    const isKnown = logits && (quant === "f32" || !/^\d+$/.test(name)) && (isWhole || logits.shape.length > 1);
    prompts.push({ name, ids, goldenLogits: isKnown ? await readWhole(logits) : undefined });
  }
  if (prompts.length > 0) return prompts;
  const { vocabSize } = source.config;
  const ids = Array.from({ length: Math.min(numTokens, 24) }, (_, i) => (i * 2654435761 + 12345) % vocabSize);
  return [{ name: "random ids", ids, goldenLogits: undefined }];
}

function readWhole(tensor: SafetensorsTensor): Promise<Float32Array> {
  return readNumbers(
    tensor,
    0,
    tensor.shape.reduce((product, length) => product * length, 1),
  );
}

/** Reads one prompt in both ways, prints the largest error of each layer, and gives what is past the tolerance. */
async function verifyPrompt(sequence: Sequence, weights: ReferenceWeights, prompt: Prompt): Promise<string[]> {
  const { config } = weights;
  const expected = new Map<string, Float64Array>();
  const logits = referenceForward(weights, createReferenceState(config), prompt.ids, {
    onTap: (name, values) => expected.set(name, values),
  });
  expected.set("logits", logits);
  sequence.clear();
  const prefill = compareTaps((await sequence.prefill(prompt.ids, { output: "taps" }))!, expected);
  sequence.clear();
  const taps = await sequence.replayTaps(prompt.ids);
  const decode = compareTaps(taps, expected);
  console.log(`\n${prompt.name}: ${prompt.ids.length} tokens`);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const errors = [prefill, decode].map((comparisons) => formatError(ofLayer(comparisons, layer)));
    console.log(`  layer ${String(layer).padEnd(3)} ${config.layerTypes[layer]!.padEnd(17)} ${errors.join("   ")}`);
  }
  for (const [how, comparisons] of [
    ["prefill", prefill],
    ["decode", decode],
  ] as const) {
    console.log(`  logits by ${how.padEnd(8)} ${formatError(comparisons.filter(({ name }) => name === "logits"))}`);
  }
  const problems = [prefill, decode].flatMap((comparisons) => describeDivergence(comparisons, TOLERANCE) ?? []);
  if (prompt.goldenLogits) {
    const own = taps.get("logits")!.values;
    const length = Math.min(prompt.goldenLogits.length, own.length);
    const isLast = prompt.goldenLogits.length === config.vocabSize;
    const error = isLast
      ? largestError(own.subarray(own.length - length), prompt.goldenLogits)
      : largestError(own.subarray(0, length), prompt.goldenLogits.subarray(0, length));
    console.log(`  logits against golden.safetensors: ${error.toExponential(2)}`);
    if (!(error <= GOLDEN_TOLERANCE)) {
      problems.push(`golden logits: expected an error of at most ${GOLDEN_TOLERANCE}, got ${error.toExponential(2)}`);
    }
  }
  return problems.map((problem) => `${prompt.name}: ${problem}`);
}

/** Golden values of quantised models went through another implementation of the rounding. */
const GOLDEN_TOLERANCE = 1e-3;

function ofLayer(comparisons: readonly Comparison[], layer: number): readonly Comparison[] {
  return comparisons.filter(({ name }) => name.endsWith(`.${layer}`));
}

function formatError(comparisons: readonly Comparison[]): string {
  return Math.max(0, ...comparisons.map(({ error }) => error)).toExponential(2);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quant: { type: "string", default: "f32" },
      tokens: { type: "string", default: "40" },
      features: { type: "string", default: "default" },
    },
  });
  const [folder] = positionals;
  const numTokens = Number(values.tokens);
  const features = parseFeatureChoice(values.features);
  if (folder === undefined || positionals.length > 1) throw new TypeError(USAGE);
  if (!QUANTS.includes(values.quant))
    throw new TypeError(`--quant: expected ${QUANTS.join(", ")}, got ${values.quant}`);
  if (!Number.isSafeInteger(numTokens) || numTokens < 1) {
    throw new TypeError(`--tokens: expected a whole number of at least 1, got ${values.tokens}`);
  }
  if (!existsSync(folder)) throw new TypeError(`${folder}: expected a folder, got nothing`);
  const { gpu, description } = await openGpu();
  const opened = await open(folder, values.quant as WeightFormat);
  console.log(`${folder} in ${opened.quant} on ${description}: largest errors, relative, by prefill and by decode`);
  const prompts = await readPrompts(folder, opened, numTokens);
  const session = await GpuSession.open(gpu, { shaders: readShaders(), features });
  const model = await Model.load(session, opened.source);
  const sequence = await model.createSequence();
  const weights = await readReferenceWeights(opened.source);
  const problems: string[] = [];
  for (const prompt of prompts) problems.push(...(await verifyPrompt(sequence, weights, prompt)));
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? "\nall within the tolerance" : `\n${problems.length} past the tolerance`);
  return problems.length === 0 ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  const expected = [CheckpointError, FeatureChoiceError, TypeError];
  console.error(expected.some((kind) => error instanceof kind) ? (error as Error).message : error);
  process.exit(1);
}
