// `npm run needle`: which of the facts that are hidden in long texts a model finds, by length and depth, as numbers and as
// a picture.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Manifest, MANIFEST_FILE, parseManifest } from "../src/checkpoint/manifest.ts";
import { loadChatModel, readManifest } from "../src/chat/chat-model.ts";
import { GpuSession } from "../src/gpu/session.ts";
import { drawHeatMap } from "./needle/heat-map.ts";
import { measureNeedles } from "./needle/measure-needles.ts";
import { NEEDLE_USAGE, type NeedleOptions, parseNeedleOptions } from "./needle/needle-options.ts";
import {
  type NeedleAnswer,
  type NeedleReading,
  type NeedleResult,
  parseNeedleResult,
  shareOf,
} from "./needle/needle-result.ts";
import { openModelFolder } from "./node/files.ts";
import { openGpu } from "./node/gpu.ts";
import { savePicture } from "./node/picture.ts";
import { runCommand } from "./node/run-command.ts";
import { readShaders } from "./node/shaders.ts";

async function main(): Promise<void> {
  const command = parseNeedleOptions(process.argv.slice(2));
  switch (command.kind) {
    case "help":
      return console.log(NEEDLE_USAGE);
    case "draw":
      return draw(
        parseNeedleResult(command.file, await readText(command.file)),
        command.file.replace(/\.json$/, ".png"),
      );
    case "record":
      return record(parseNeedleResult(command.file, await readText(command.file)), command.model);
    case "run":
      return measure(command.options);
  }
}

async function measure(options: NeedleOptions): Promise<void> {
  const { gpu, description } = await openGpu();
  const session = await GpuSession.open(gpu, { shaders: readShaders(), features: options.features });
  const files = openModelFolder(options.model);
  const chat = await loadChatModel(session, await readManifest(files), files);
  console.error(`${chat.name} on ${description}`);
  const answers: NeedleAnswer[] = [];
  const readings: NeedleReading[] = [];
  const result = (): NeedleResult => ({
    date: new Date().toISOString(),
    model: chat.name,
    adapter: description,
    kvFormat: chat.model.kvFormat,
    trainedContextLength: chat.model.config.trainedContextLength,
    factsPerText: options.alone ? 1 : options.depths.length,
    lengths: options.lengths,
    depths: options.depths,
    readings,
    answers,
  });
  // What is found is written after each text, so that a run that is cut short is not lost.
  const save = () => writeFile(`${options.out}.json`, `${JSON.stringify(result(), null, 1)}\n`);
  let saving = Promise.resolve();
  await measureNeedles(chat, options, {
    onReading: (reading) => {
      readings.push(reading);
      const { numTokens, ms } = reading;
      console.error(
        `read ${numTokens} tokens in ${(ms / 1000).toFixed(2)} s, ${Math.round((1000 * numTokens) / ms)} tokens/s`,
      );
      saving = saving.then(save);
    },
    onAnswer: (answer) => {
      answers.push(answer);
      const { depth, question, expected, said, isRight } = answer;
      const verdict = isRight ? "right" : "wrong";
      console.error(
        `  ${verdict} at ${Math.round(100 * depth)} %: ${question} ${JSON.stringify(said)}, expected ${expected}`,
      );
    },
  });
  await saving;
  await save();
  session.close();
  for (const length of options.lengths) {
    const { right, asked } = shareOf(answers.filter((answer) => answer.length === length));
    console.log(`${String(length).padStart(9)} tokens: ${right} of ${asked} found`);
  }
  console.error(`wrote ${options.out}.json`);
  draw(result(), `${options.out}.png`);
}

/** Adds what was found to a model's manifest. */
async function record({ model, lengths, answers }: NeedleResult, folder: string): Promise<void> {
  const path = join(folder, MANIFEST_FILE);
  const manifest = JSON.parse(await readFile(path, "utf8")) as Partial<Manifest>;
  if (manifest.name !== model)
    throw new TypeError(`--model: expected ${model}, which was measured, got ${manifest.name}`);
  const recall = lengths
    .toSorted((a, b) => a - b)
    .map((numTokens) => {
      const { right, asked } = shareOf(answers.filter(({ length }) => length === numTokens));
      return { numTokens, found: right, asked };
    });
  const changed = { ...manifest, recall };
  parseManifest(changed, path);
  await writeFile(path, `${JSON.stringify(changed, null, 1)}\n`);
  console.error(`wrote what was found in texts of ${lengths.length} lengths into ${path}`);
}

function draw(result: NeedleResult, path: string): void {
  if (savePicture(drawHeatMap(result), path)) console.error(`wrote ${path}`);
  else console.error(`no picture: there is no Chromium to draw it; elsewhere, --draw draws it from the JSON`);
}

function readText(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw new TypeError(`${file}: expected a result of npm run needle, got no such file`, { cause });
  });
}

await runCommand(main);
