// `npm run bench`: how fast a model reads and writes on this machine's GPU. Medians of repeated runs, and a JSON file.

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { readManifest } from "../src/chat/chat-model.ts";
import { createShardSource } from "../src/checkpoint/shard-source.ts";
import { GpuSession } from "../src/gpu/session.ts";
import { GREEDY } from "../src/kernels/call.ts";
import { Model } from "../src/model/model.ts";
import type { Sequence } from "../src/model/sequence.ts";
import { openModelFolder } from "./node/files.ts";
import { openGpu } from "./node/gpu.ts";
import { readShaders } from "./node/shaders.ts";

interface Measurement {
  readonly name: string;
  readonly tokens: number;
  /** Median over the runs. */
  readonly ms: number;
  readonly fastestMs: number;
  readonly slowestMs: number;
  readonly tokensPerSecond: number;
}

const DRAW = { sampling: GREEDY, endTokenIds: [] };
/** So that the first run's caches and clocks do not count. */
const WARM_UP_RUNS = 1;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: "public/models/relampago-71m" },
      prefill: { type: "string", default: "128,1024" },
      context: { type: "string", default: "16,1024" },
      tokens: { type: "string", default: "32" },
      runs: { type: "string", default: "3" },
      out: { type: "string" },
    },
  });
  const { gpu, description, isSoftware } = await openGpu();
  const files = openModelFolder(values.model);
  const manifest = await readManifest(files);
  const session = await GpuSession.open(gpu, { shaders: readShaders() });
  const model = await Model.load(session, createShardSource(manifest, files));
  const sequence = await model.createSequence();
  console.log(`${manifest.name} on ${description}${isSoftware ? " (software: compare ratios, not times)" : ""}`);

  const runs = Number(values.runs);
  const measurements: Measurement[] = [];
  const report = (measurement: Measurement): void => {
    measurements.push(measurement);
    const { name, ms, fastestMs, slowestMs, tokensPerSecond } = measurement;
    const range = `${fastestMs.toFixed(1)}–${slowestMs.toFixed(1)} ms`;
    console.log(
      `${name.padEnd(24)} ${tokensPerSecond.toFixed(1).padStart(10)} tokens/s   ${ms.toFixed(1)} ms (${range})`,
    );
  };
  for (const numTokens of parseList(values.prefill)) {
    report(await measure(`prefill ${numTokens}`, numTokens, runs, () => readTokens(sequence, numTokens)));
  }
  const numDrawn = Number(values.tokens);
  for (const context of parseList(values.context)) {
    report(
      await measure(`decode at ${context}`, numDrawn, runs, async () => {
        await readTokens(sequence, context);
        const start = performance.now();
        for await (const _ of sequence.generate(DRAW, numDrawn));
        return performance.now() - start;
      }),
    );
  }
  if (values.out) {
    const result = { model: manifest.name, adapter: description, date: new Date().toISOString(), measurements };
    await writeFile(values.out, JSON.stringify(result, null, 1) + "\n");
  }
}

/** Reads so many tokens anew; gives the time it took. */
async function readTokens(sequence: Sequence, numTokens: number): Promise<number> {
  const { vocabSize } = sequence.model.config;
  const ids = Array.from({ length: numTokens }, (_, i) => (i * 7919) % vocabSize);
  sequence.clear();
  const start = performance.now();
  await sequence.prefill(ids, { output: "last", ...DRAW });
  return performance.now() - start;
}

async function measure(name: string, tokens: number, runs: number, run: () => Promise<number>): Promise<Measurement> {
  const times: number[] = [];
  for (let index = 0; index < WARM_UP_RUNS + runs; index++) {
    const ms = await run();
    if (index >= WARM_UP_RUNS) times.push(ms);
  }
  times.sort((a, b) => a - b);
  const ms = times[Math.floor(times.length / 2)]!;
  return { name, tokens, ms, fastestMs: times[0]!, slowestMs: times.at(-1)!, tokensPerSecond: (1000 * tokens) / ms };
}

function parseList(text: string): number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`list: expected whole numbers, got ${text}`);
    return value;
  });
}

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(error instanceof TypeError ? error.message : error);
  process.exit(1);
}
