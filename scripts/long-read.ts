// `npm run long-read`: what reading a very long text costs as it grows: time, memory, and the keys' part of it. With the
// model's own weights, or made-up ones of its shape whose layers are all of one type.

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createMadeUpSource } from "../src/bench/made-up-source.ts";
import { readManifest } from "../src/chat/chat-model.ts";
import type { LayerType } from "../src/checkpoint/model-config.ts";
import { createShardSource } from "../src/checkpoint/shard-source.ts";
import { parseFeatureChoice } from "../src/gpu/features.ts";
import { GpuSession } from "../src/gpu/session.ts";
import { GREEDY } from "../src/kernels/call.ts";
import { Model } from "../src/model/model.ts";
import { openModelFolder } from "./node/files.ts";
import { openGpu } from "./node/gpu.ts";
import { readShaders } from "./node/shaders.ts";

const USAGE = `usage: npm run long-read -- [options]

  --model <folder>    an exported model (public/models/relampago-71m)
  --tokens <n>        tokens to read (1000000)
  --layers <type>     own: the model as it is; lightning or softmax: made-up weights, all layers of that type (own)
  --points <n>        points of the curve (20)
  --block-size <n>    tokens that are read at once (the engine's own)
  --features <list>   kernel variants: default, none, or e.g. subgroups,f16 (default)
  --out <file>        writes the curve as JSON`;

const LAYER_TYPES: Readonly<Record<string, LayerType>> = { lightning: "linear_attention", softmax: "full_attention" };

/** What was so when so many tokens had been read. */
interface Point {
  readonly tokens: number;
  /** Since the start. */
  readonly readMs: number;
  readonly allocatedBytes: number;
  /** Of allocatedBytes, keys and values of the tokens read. */
  readonly keyBytes: number;
}

function parseOptions() {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: "public/models/relampago-71m" },
      tokens: { type: "string", default: "1000000" },
      layers: { type: "string", default: "own" },
      points: { type: "string", default: "20" },
      "block-size": { type: "string" },
      features: { type: "string", default: "default" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const [numTokens, numPoints, blockSize] = [values.tokens, values.points, values["block-size"] ?? "1"].map(Number);
  for (const [name, count] of Object.entries({ tokens: numTokens, points: numPoints, "block-size": blockSize })) {
    if (!Number.isSafeInteger(count) || count! < 1) {
      throw new TypeError(`--${name}: expected a whole number from 1, got ${String(count)}`);
    }
  }
  if (values.layers !== "own" && !LAYER_TYPES[values.layers]) {
    throw new TypeError(`--layers: expected own, lightning or softmax, got ${values.layers}`);
  }
  return {
    ...values,
    numTokens: numTokens!,
    numPoints: numPoints!,
    sizes: values["block-size"] === undefined ? {} : { blockSize: blockSize! },
  };
}

async function main(): Promise<void> {
  const options = parseOptions();
  if (options.help) return console.log(USAGE);
  const { gpu, description } = await openGpu();
  const session = await GpuSession.open(gpu, {
    shaders: readShaders(),
    features: parseFeatureChoice(options.features),
  });
  const files = openModelFolder(options.model);
  const manifest = await readManifest(files);
  const type = LAYER_TYPES[options.layers];
  const source = type
    ? createMadeUpSource({ ...manifest.config, layerTypes: manifest.config.layerTypes.map(() => type) }, "q4")
    : createShardSource(manifest, files);
  const model = await Model.load(session, source, { kvFormat: "f16", ...options.sizes });
  console.log(`${manifest.name}, layers: ${options.layers}, on ${description}, blocks of ${model.blockSize} tokens`);
  const points = await readInParts(model, options.numTokens, options.numPoints);
  if (options.out !== undefined)
    await writeFile(options.out, `${JSON.stringify({ description, ...options, points })}\n`);
  session.close();
}

/** Parts are whole blocks, so that the cut changes nothing. */
async function readInParts(model: Model, numTokens: number, numPoints: number): Promise<Point[]> {
  const { session, config, blockSize } = model;
  const partLength = Math.ceil(numTokens / numPoints / blockSize) * blockSize;
  const sequence = await model.createSequence();
  // Kernels run once before time is taken.
  await sequence.prefill(idsFrom(0, blockSize, config.vocabSize), { output: "none" });
  sequence.clear();
  const points: Point[] = [];
  console.log("   tokens    read s  tokens/s   MB in all   MB of keys");
  let readMs = 0;
  for (let start = 0; start < numTokens; start += partLength) {
    const length = Math.min(partLength, numTokens - start);
    const ids = idsFrom(start, length, config.vocabSize);
    await session.device.queue.onSubmittedWorkDone();
    const before = performance.now();
    const isLast = start + length === numTokens;
    if (isLast) await sequence.prefill(ids, { output: "last", sampling: GREEDY, endTokenIds: [] });
    else await sequence.prefill(ids, { output: "none" });
    await session.device.queue.onSubmittedWorkDone();
    const partMs = performance.now() - before;
    readMs += partMs;
    const { allocatedBytes } = session.ledger;
    const keyBytes = session.ledger.totals().find(({ kind }) => kind === "KV cache")?.usedBytes ?? 0;
    points.push({ tokens: start + length, readMs, allocatedBytes, keyBytes });
    const columns = [start + length, (readMs / 1000).toFixed(2), ((1000 * length) / partMs).toFixed(0)];
    const megabytes = [allocatedBytes, keyBytes].map((bytes) => (bytes / 1e6).toFixed(1));
    const widths = [9, 10, 10, 12, 13];
    console.log([...columns, ...megabytes].map((value, index) => String(value).padStart(widths[index]!)).join(""));
  }
  return points;
}

/** Ids without a pattern that an expert could like. */
function idsFrom(start: number, length: number, vocabSize: number): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => (Math.imul(start + index + 1, 2654435761) >>> 8) % vocabSize);
}

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(error instanceof TypeError ? error.message : error);
  process.exit(1);
}
