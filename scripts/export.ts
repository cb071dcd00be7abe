// `npm run export -- <hf-dir> --out public/models/<name> --quant q4`: a Hugging Face directory becomes an exported model.

import { copyFile, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CheckpointError } from "../src/checkpoint/checkpoint-error.ts";
import { convertCheckpoint, type KindSummary } from "../src/checkpoint/convert.ts";
import { type HfCheckpoint, openHfCheckpoint, readJson } from "../src/checkpoint/hf-checkpoint.ts";
import { type HashedFile, hashHex } from "../src/checkpoint/hashed-file.ts";
import { MANIFEST_FILE, type Manifest, parseManifest } from "../src/checkpoint/manifest.ts";
import type { WeightFormat } from "../src/checkpoint/weight-source.ts";
import { Tokenizer } from "../src/text/tokenizer.ts";
import { TokenizerError } from "../src/text/tokenizer-error.ts";
import { openFolder } from "./node/files.ts";
import { listFolder, writeWholeFolder } from "./node/whole-folder.ts";

const USAGE = "usage: npm run export -- <hf-dir> --out <folder> [--quant q4|q8|f16|f32] [--name <name>]";
const QUANTS: readonly string[] = ["q4", "q8", "f16", "f32"] satisfies WeightFormat[];
const TOKENIZER = { file: "tokenizer.json", configFile: "tokenizer_config.json" };
const GENERATION_CONFIG = "generation_config.json";
const CARD = "README.md";
/** Names of an export's files: a folder with others in it is not replaced. */
const EXPORTED = [MANIFEST_FILE, TOKENIZER.file, TOKENIZER.configFile, GENERATION_CONFIG, CARD];

/** The command line asks for something that cannot be done. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

interface ExportRequest {
  readonly source: string;
  readonly out: string;
  readonly quant: WeightFormat;
  readonly name: string;
}

async function parseRequest(): Promise<ExportRequest> {
  const { values, positionals } = parseCommandLine();
  const [source] = positionals;
  if (source === undefined || positionals.length > 1 || values.out === undefined) throw new UsageError(USAGE);
  if (!QUANTS.includes(values.quant)) {
    throw new UsageError(`--quant: expected ${QUANTS.join(", ")}, got ${values.quant}`);
  }
  if (!(await listFolder(source))) throw new UsageError(`${source}: expected a folder, got nothing`);
  const there = (await listFolder(values.out)) ?? [];
  const foreign = there.find((file) => !EXPORTED.includes(file) && !/^weights-\d+\.bin$/.test(file));
  if (foreign !== undefined || (there.length > 0 && !there.includes(MANIFEST_FILE))) {
    const got = `one that holds ${foreign ?? there[0]}`;
    throw new UsageError(`--out ${values.out}: expected a new folder or an earlier export, got ${got}`);
  }
  const out = resolve(values.out);
  return { source, out, quant: values.quant as WeightFormat, name: values.name ?? basename(out) };
}

function parseCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { out: { type: "string" }, quant: { type: "string", default: "q4" }, name: { type: "string" } },
    });
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

async function exportModel({ source, out, quant, name }: ExportRequest): Promise<void> {
  const checkpoint = await openHfCheckpoint(openFolder(source));
  for (const warning of checkpoint.warnings) console.error(oneLine(`warning: ${warning}`));
  const files = (await listFolder(source)) ?? [];
  const hasTokenizer = files.includes(TOKENIZER.file);
  if (hasTokenizer) await checkTokenizer(source, checkpoint.config.vocabSize);
  else
    console.error(
      `warning: ${TOKENIZER.file}: expected the file, got none: the model can be verified, not chatted with`,
    );
  const tokenizer = hasTokenizer ? TOKENIZER : null;
  const card = files.includes(CARD) ? CARD : null;
  const copied = [GENERATION_CONFIG, CARD].filter((file) => files.includes(file));
  await writeWholeFolder(out, async (folder) => {
    for (const file of [...Object.values(tokenizer ?? {}), ...copied]) {
      await copyFile(join(source, file), join(folder, file));
    }
    const hashed = await Promise.all(Object.values(tokenizer ?? {}).map((file) => hashFile(folder, file)));
    const [manifest, kinds] = await writeModel(checkpoint, folder, quant, { name, tokenizer, files: hashed, card });
    printTable(kinds, manifest);
  });
}

async function writeModel(
  checkpoint: HfCheckpoint,
  folder: string,
  quant: WeightFormat,
  { name, tokenizer, files, card }: Pick<Manifest, "name" | "tokenizer" | "files" | "card">,
): Promise<[Manifest, readonly KindSummary[]]> {
  const write = (file: string, bytes: Uint8Array) => writeFile(join(folder, file), bytes);
  const { manifest, kinds } = await convertCheckpoint(checkpoint, write, { quant, onProgress: drawProgress });
  const { formatVersion, ...rest } = manifest;
  const text = JSON.stringify(
    { formatVersion, name, tokenizer, files, card, ...rest } satisfies Omit<Manifest, "recall">,
    null,
    1,
  );
  await writeFile(join(folder, MANIFEST_FILE), text + "\n");
  return [parseManifest(JSON.parse(text)), kinds];
}

async function hashFile(folder: string, file: string): Promise<HashedFile> {
  const bytes = await readFile(join(folder, file));
  return { file, sizeBytes: bytes.length, sha256: await hashHex(bytes) };
}

/** Throws TokenizerError, or CheckpointError when it does not fit the model. */
async function checkTokenizer(source: string, vocabSize: number): Promise<void> {
  const open = openFolder(source);
  const tokenizer = Tokenizer.parse(await readJson(open, TOKENIZER.file), await readJson(open, TOKENIZER.configFile));
  if (tokenizer.vocabSize > vocabSize) {
    const problem = `expected at most vocab_size ${vocabSize} tokens, got ${tokenizer.vocabSize}`;
    throw new CheckpointError(TOKENIZER.file, "model.vocab", problem);
  }
}

const BAR_WIDTH = 40;

function drawProgress(writtenBytes: number, totalBytes: number): void {
  if (!process.stderr.isTTY) return;
  const filled = Math.floor((BAR_WIDTH * writtenBytes) / totalBytes);
  const bar = "#".repeat(filled).padEnd(BAR_WIDTH, ".");
  const end = writtenBytes === totalBytes ? "\n" : "";
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
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    );
  const sizeBytes = shards.reduce((sum, shard) => sum + shard.sizeBytes, 0);
  const shardCount = shards.length === 1 ? "1 shard" : `${shards.length} shards`;
  console.log(`${numParameters} parameters in ${shardCount}, ${megabytes(sizeBytes)} MB`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Names come from the checkpoint and may hold line ends or a terminal's commands. */
function oneLine(message: string): string {
  return message.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** What the person can mend: their files, their command, their disk. */
function isExpected(error: unknown): error is Error {
  const isSystem = error instanceof Error && "syscall" in error;
  return isSystem || [CheckpointError, TokenizerError, UsageError].some((kind) => error instanceof kind);
}

try {
  await exportModel(await parseRequest());
} catch (error) {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  console.error(isExpected(error) ? oneLine(error.message) : error);
  process.exitCode = 1;
}
