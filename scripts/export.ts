// `npm run export -- <hf-dir> --out public/models/<name> --quant q4`: a Hugging Face directory becomes an exported model.

import { existsSync } from "node:fs";
import { copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CheckpointError } from "../src/checkpoint/checkpoint-error.ts";
import { ConfigFields } from "../src/checkpoint/config-fields.ts";
import { convertCheckpoint, type KindSummary } from "../src/checkpoint/convert.ts";
import { openHfCheckpoint, readJson } from "../src/checkpoint/hf-checkpoint.ts";
import { MANIFEST_FILE, type Manifest, parseManifest, type SamplingDefaults } from "../src/checkpoint/manifest.ts";
import type { WeightFormat } from "../src/checkpoint/weight-source.ts";
import { Tokenizer } from "../src/text/tokenizer.ts";
import { TokenizerError } from "../src/text/tokenizer-error.ts";
import { openFolder } from "./node/files.ts";

const USAGE = "usage: npm run export -- <hf-dir> --out <folder> [--quant q4|q8|f16|f32] [--name <name>]";
const QUANTS: readonly string[] = ["q4", "q8", "f16", "f32"] satisfies WeightFormat[];
const TOKENIZER = { file: "tokenizer.json", configFile: "tokenizer_config.json" };
const CARD = "README.md";

interface ExportRequest {
  readonly source: string;
  readonly out: string;
  readonly quant: WeightFormat;
  readonly name: string;
}

function parseRequest(): ExportRequest {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: "string" }, quant: { type: "string", default: "q4" }, name: { type: "string" } },
  });
  const [source] = positionals;
  if (source === undefined || positionals.length > 1 || values.out === undefined) throw new TypeError(USAGE);
  if (!QUANTS.includes(values.quant)) {
    throw new TypeError(`--quant: expected ${QUANTS.join(", ")}, got ${values.quant}`);
  }
  if (!existsSync(source)) throw new TypeError(`${source}: expected a folder, got nothing`);
  const out = resolve(values.out);
  return { source, out, quant: values.quant as WeightFormat, name: values.name ?? basename(out) };
}

/** Writes into a folder beside the target and puts it in its place at the end; a failure leaves nothing. */
async function exportModel({ source, out, quant, name }: ExportRequest): Promise<void> {
  const open = openFolder(source);
  const checkpoint = await openHfCheckpoint(open);
  for (const warning of checkpoint.warnings) console.error(`warning: ${warning}`);
  const hasTokenizer = await checkTokenizer(source, checkpoint.config.vocabSize);
  if (!hasTokenizer) {
    console.error(`warning: ${source}: expected ${TOKENIZER.file}, got none: the model can be verified, not chatted with`);
  }
  const hasCard = existsSync(join(source, CARD));
  const sampling = await readSampling(source);

  const partial = join(dirname(out), `.${basename(out)}.partial-${process.pid}`);
  const remove = () => rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    const { manifest, kinds } = await convertCheckpoint(
      checkpoint,
      (file, bytes) => writeFile(join(partial, file), bytes),
      { quant, onProgress: drawProgress },
    );
    const whole: Manifest = {
      ...manifest,
      name,
      sampling,
      tokenizer: hasTokenizer ? TOKENIZER : null,
      card: hasCard ? CARD : null,
    };
    parseManifest(JSON.parse(JSON.stringify(whole)));
    await writeFile(join(partial, MANIFEST_FILE), JSON.stringify(whole, null, 1) + "\n");
    const copies = [...(hasTokenizer ? Object.values(TOKENIZER) : []), ...(hasCard ? [CARD] : [])];
    for (const file of copies) await copyFile(join(source, file), join(partial, file));
    await rm(out, { recursive: true, force: true });
    await rename(partial, out);
    printTable(kinds, whole);
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Whether there is one; throws when it does not fit the model. */
async function checkTokenizer(source: string, vocabSize: number): Promise<boolean> {
  if (!existsSync(join(source, TOKENIZER.file))) return false;
  const open = openFolder(source);
  const tokenizer = Tokenizer.parse(await readJson(open, TOKENIZER.file), await readJson(open, TOKENIZER.configFile));
  if (tokenizer.vocabSize > vocabSize) {
    const problem = `expected at most vocab_size ${vocabSize} tokens, got ${tokenizer.vocabSize}`;
    throw new CheckpointError(TOKENIZER.file, "model.vocab", problem);
  }
  return true;
}

async function readSampling(source: string): Promise<SamplingDefaults> {
  const file = "generation_config.json";
  const path = join(source, file);
  const fields = new ConfigFields(file, existsSync(path) ? await readJson(openFolder(source), file) : {});
  return {
    temperature: fields.boolean("do_sample", true) ? fields.number("temperature", { min: 0, max: 10 }, 1) : 0,
    topK: fields.integer("top_k", { min: 0 }, 0),
    topP: fields.number("top_p", { min: 0, max: 1 }, 1),
    minP: fields.number("min_p", { min: 0, max: 1 }, 0),
  };
}

const BAR_WIDTH = 40;

function drawProgress(writtenBytes: number, totalBytes: number): void {
  if (!process.stderr.isTTY) return;
  const filled = Math.round((BAR_WIDTH * writtenBytes) / totalBytes);
  const bar = "#".repeat(filled).padEnd(BAR_WIDTH, ".");
  const end = writtenBytes >= totalBytes ? "\n" : "";
  process.stderr.write(`\r[${bar}] ${megabytes(writtenBytes)} of ${megabytes(totalBytes)} MB${end}`);
}

function printTable(kinds: readonly KindSummary[], { shards, numParameters }: Manifest): void {
  const rows = kinds.map(({ kind, format, numTensors, sizeBytes, largestError, largestMagnitude }) => [
    kind,
    format,
    String(numTensors),
    megabytes(sizeBytes),
    largestError.toExponential(2),
    largestMagnitude.toExponential(2),
  ]);
  const table = [["tensors", "format", "number", "MB", "largest error", "largest value"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table) console.log(row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  const sizeBytes = shards.reduce((sum, shard) => sum + shard.sizeBytes, 0);
  console.log(`${numParameters} parameters in ${shards.length} shards, ${megabytes(sizeBytes)} MB`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

try {
  await exportModel(parseRequest());
} catch (error) {
  const isExpected = error instanceof CheckpointError || error instanceof TokenizerError || error instanceof TypeError;
  console.error(isExpected ? error.message : error);
  process.exitCode = 1;
}
