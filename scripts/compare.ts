// `npm run compare`: what attention costs and what it remembers, measured on models that differ in nothing else.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ChatModel, loadChatModel, readManifest } from "../src/chat/chat-model.ts";
import { describeAttention } from "../src/compare/contender.ts";
import { type RaceLane, writePositions } from "../src/compare/race-result.ts";
import { chronicleIds } from "../src/compare/race-text.ts";
import { runLane } from "../src/compare/race.ts";
import { measureRecall } from "../src/compare/recall.ts";
import type { RecallCell } from "../src/compare/recall-result.ts";
import { raceCsv, recallCsv, reportRace, reportRecall } from "../src/compare/report.ts";
import { expectSameTokenizer } from "../src/compare/same-tokenizer.ts";
import { GpuSession } from "../src/gpu/session.ts";
import { COMPARE_USAGE, type CompareOptions, parseCompareOptions } from "./compare/compare-options.ts";
import { drawComparison } from "./compare/picture.ts";
import { openModelFolder } from "./node/files.ts";
import { openGpu } from "./node/gpu.ts";
import { savePicture } from "./node/picture.ts";
import { runCommand } from "./node/run-command.ts";
import { readShaders } from "./node/shaders.ts";

/** Timed runs of writing at each position. */
const WRITE_RUNS = 3;

async function main(): Promise<void> {
  const options = parseCompareOptions(process.argv.slice(2));
  if (!options) return console.log(COMPARE_USAGE);
  const controller = new AbortController();
  // The first one ends it with what there is, the second one at once.
  process.once("SIGINT", () => controller.abort());
  const { gpu, description, isSoftware } = await openGpu();
  const device = await GpuSession.open(gpu, { shaders: readShaders(), features: options.features });
  const contenders = await openAll(device, options);
  for (const { name, numParameters, model } of contenders) {
    console.log(`${name}: ${describeAttention(model.config.layerTypes)}; ${numParameters} parameters`);
  }
  console.log(`on ${description}${isSoftware ? ": a processor plays GPU, so compare ratios, not times" : ""}`);
  const lanes = options.numTokens > 0 ? await race(contenders, options, controller.signal) : [];
  const cells = options.recallSizes.length > 0 ? await recall(contenders, options, controller.signal) : [];
  if (lanes.length > 0) console.log(`\n${reportRace(lanes)}`);
  if (cells.length > 0) console.log(`\n${reportRecall(cells)}`);
  await save(options, description, contenders, lanes, cells);
}

async function openAll(device: GpuSession, { models, kvFormat, blockSize }: CompareOptions): Promise<ChatModel[]> {
  const contenders: ChatModel[] = [];
  for (const folder of models) {
    const files = openModelFolder(folder);
    const session = GpuSession.beside(device);
    const model = { kvFormat, blockSize };
    contenders.push(await loadChatModel(session, await readManifest(files), files, { model }));
  }
  expectSameTokenizer(contenders);
  return contenders;
}

async function race(
  contenders: readonly ChatModel[],
  { numTokens, textFile, seed }: CompareOptions,
  signal: AbortSignal,
): Promise<RaceLane[]> {
  const { tokenizer } = contenders[0]!;
  const ids = textFile === undefined ? chronicleIds(tokenizer, numTokens, seed) : await readIds(textFile, tokenizer);
  const lanes: RaceLane[] = [];
  for (const contender of contenders) {
    if (signal.aborted) break;
    lanes.push(
      await runLane(contender, ids.slice(0, numTokens), {
        writeAt: writePositions(Math.min(numTokens, ids.length)),
        writeRuns: WRITE_RUNS,
        signal,
        onRead: ({ position }) => showProgress(`${contender.name}: ${position} of ${numTokens} tokens read`),
        onWrite: ({ position }) => showProgress(`${contender.name}: written after ${position} tokens`),
      }),
    );
  }
  showProgress("");
  return lanes;
}

async function readIds(file: string, tokenizer: ChatModel["tokenizer"]): Promise<number[]> {
  const content = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new TypeError(`${file}: expected a text file, got no such file`, { cause });
  });
  const ids = tokenizer.encodePlain(content);
  if (ids.length < 2) throw new TypeError(`${file}: expected a text of two tokens or more, got ${ids.length}`);
  return ids;
}

async function recall(
  contenders: readonly ChatModel[],
  { recallSizes, numSeeds }: CompareOptions,
  signal: AbortSignal,
): Promise<RecallCell[]> {
  const seeds = Array.from({ length: numSeeds }, (_, index) => index + 1);
  const cells: RecallCell[] = [];
  for (const contender of contenders) {
    const onCell = ({ size, seed }: RecallCell) => showProgress(`${contender.name}: ${size} pairs, seed ${seed}`);
    const plan = { sizes: recallSizes, seeds, questions: 4 };
    cells.push(...(await measureRecall(contender, plan, { signal, onCell })));
  }
  showProgress("");
  return cells;
}

async function save(
  { out, seed, textFile, kvFormat, blockSize }: CompareOptions,
  adapter: string,
  contenders: readonly ChatModel[],
  lanes: readonly RaceLane[],
  cells: readonly RecallCell[],
): Promise<void> {
  await mkdir(out, { recursive: true });
  const date = new Date().toISOString();
  const models = contenders.map(({ name, numParameters, model }) => {
    return { name, numParameters, layerTypes: model.config.layerTypes };
  });
  const text = textFile ?? `chronicle, seed ${seed}`;
  const result = { version: 1, date, adapter, kvFormat, blockSize, text, models, race: lanes, recall: cells };
  await writeFile(join(out, "compare.json"), `${JSON.stringify(result, null, 1)}\n`);
  if (lanes.length > 0) await writeFile(join(out, "race.csv"), raceCsv(lanes));
  if (cells.length > 0) await writeFile(join(out, "recall.csv"), recallCsv(cells));
  const picture = drawComparison("Attention compared", `${adapter}; keys in ${kvFormat}; ${text}`, lanes, cells);
  const isDrawn = savePicture(picture, join(out, "compare.png"));
  console.error(`wrote ${out}/${isDrawn ? "" : " (no picture: there is no Chromium to draw it)"}`);
}

function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

await runCommand(main);
