// The options of `npm run compare`, checked.

import { parseArgs } from "node:util";
import { RECALL_PLAN } from "../../src/compare/recall-result.ts";
import { type FeatureChoice, parseFeatureChoice } from "../../src/gpu/features.ts";
import type { KvFormat } from "../../src/kernels/kv-format.ts";

const TWINS = ["public/models/twin-hybrid", "public/models/twin-lightning", "public/models/twin-softmax"];

export const COMPARE_USAGE = `usage: npm run compare -- [options]

Sends a text through models that differ in attention, and asks them about lists: memory, time and loss against tokens,
where one begins to need more than another, and what is recalled. Prints the tables and saves them.
Ctrl-C ends it with what was measured until then.

  --models <list>     folders of exported models with one tokenizer (${TWINS.map((twin) => twin.split("/").at(-1)).join(",")})
  --tokens <n>        length of the text of the race; 0 leaves it out (4096)
  --text <file>       a text of your own instead of the sample chronicle
  --seed <n>          of the chronicle (1)
  --block-size <n>    tokens that are read at once, and a point of the chart (128)
  --recall <list>     sizes of the lists to recall; none leaves it out (${RECALL_PLAN.sizes.join(",")})
  --seeds <n>         lists of each size (${RECALL_PLAN.seeds.length})
  --kv <format>       keys and values in f32 or f16 (f16)
  --features <list>   kernel variants: default, none, or e.g. subgroups,f16 (default)
  --out <folder>      where JSON, CSV and PNG go (compare-result)
  --help              prints this`;

export interface CompareOptions {
  readonly models: readonly string[];
  /** 0: no race. */
  readonly numTokens: number;
  readonly textFile: string | undefined;
  readonly seed: number;
  readonly blockSize: number;
  /** None: no recall. */
  readonly recallSizes: readonly number[];
  readonly numSeeds: number;
  readonly kvFormat: KvFormat;
  readonly features: FeatureChoice;
  readonly out: string;
}

/** undefined: help was asked for. Throws an error of one line. */
export function parseCompareOptions(args: readonly string[]): CompareOptions | undefined {
  const values = parseKnown(args);
  if (values.help) return undefined;
  const options = {
    models: values.models?.split(",") ?? TWINS,
    numTokens: parseCount("tokens", values.tokens, 0),
    textFile: values.text,
    seed: parseCount("seed", values.seed, 0),
    blockSize: parseCount("block-size", values["block-size"], 16),
    recallSizes: values.recall === "none" ? [] : values.recall.split(",").map((size) => parseCount("recall", size, 1)),
    numSeeds: parseCount("seeds", values.seeds, 1),
    kvFormat: parseKvFormat(values.kv),
    features: parseFeatureChoice(values.features),
    out: values.out,
  };
  if (options.numTokens === 0 && options.recallSizes.length === 0) {
    throw new TypeError("--tokens, --recall: expected something to measure, got nothing");
  }
  return options;
}

function parseKnown(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        models: { type: "string" },
        tokens: { type: "string", default: "4096" },
        text: { type: "string" },
        seed: { type: "string", default: "1" },
        "block-size": { type: "string", default: "128" },
        recall: { type: "string", default: RECALL_PLAN.sizes.join(",") },
        seeds: { type: "string", default: String(RECALL_PLAN.seeds.length) },
        kv: { type: "string", default: "f16" },
        features: { type: "string", default: "default" },
        out: { type: "string", default: "compare-result" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (cause) {
    const [problem] = (cause as Error).message.split(/\.?( To |\n|$)/);
    throw new TypeError(`${problem}: expected the options that --help lists`, { cause });
  }
}

function parseCount(name: string, text: string, min: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new TypeError(`--${name}: expected a whole number from ${min}, got ${text === "" ? "nothing" : text}`);
}

function parseKvFormat(text: string): KvFormat {
  const format = (["f32", "f16"] as const).find((known) => known === text);
  if (!format) throw new TypeError(`--kv: expected f32 or f16, got ${text || "nothing"}`);
  return format;
}
