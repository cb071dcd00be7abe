// The options of `npm run needle`, checked.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MANIFEST_FILE } from "../../src/checkpoint/manifest.ts";
import { type FeatureChoice, parseFeatureChoice } from "../../src/gpu/features.ts";

export const NEEDLE_USAGE = `usage: npm run needle -- [options]

Hides facts in texts of many lengths, at many depths, and asks for each: which share of them does the model find?
Texts are the sample chronicles of the Long document page. A text is read once; each question goes on from there.

  --model <folder>     an exported model (public/models/relampago-71m)
  --lengths <list>     tokens of the whole prompt, nearly (512,1024,2048)
  --depths <list>      where the facts stand, in percent of the text (0,10,…,100)
  --texts <n>          texts of each length, each with other facts (4)
  --alone              one fact a text, as many texts as depths, instead of a fact at every depth of one text
  --seed <n>           of the first text (1)
  --max-tokens <n>     longest answer (32)
  --features <list>    kernel variants: default, none, or e.g. subgroups,f16 (default)
  --out <name>         writes <name>.json and, where there is a Chromium, <name>.png (needle)
  --draw <file.json>   draws the picture of a result again, and measures nothing
  --record <file.json> writes what a result found into the manifest of --model, where the page tells it
  --help               print this`;

export interface NeedleOptions {
  readonly model: string;
  readonly lengths: readonly number[];
  /** From 0 to 1. */
  readonly depths: readonly number[];
  readonly texts: number;
  readonly alone: boolean;
  readonly seed: number;
  readonly maxTokens: number;
  readonly features: FeatureChoice;
  readonly out: string;
}

export type NeedleCommand =
  | { readonly kind: "help" }
  | { readonly kind: "draw"; readonly file: string }
  | { readonly kind: "record"; readonly file: string; readonly model: string }
  | { readonly kind: "run"; readonly options: NeedleOptions };

/** Throws a TypeError or a FeatureChoiceError of one line. */
export function parseNeedleOptions(args: readonly string[]): NeedleCommand {
  const values = parseKnown(args);
  if (values.help) return { kind: "help" };
  if (values.draw !== undefined) return { kind: "draw", file: values.draw };
  if (!existsSync(join(values.model, MANIFEST_FILE))) {
    throw new TypeError(`--model: expected a folder with a ${MANIFEST_FILE}, got ${values.model}`);
  }
  if (values.record !== undefined) return { kind: "record", file: values.record, model: values.model };
  return {
    kind: "run",
    options: {
      model: values.model,
      lengths: parseList("lengths", values.lengths, 128, 4_000_000),
      depths: parseList("depths", values.depths, 0, 100).map((percent) => percent / 100),
      texts: parseCount("texts", values.texts, 1, 1000),
      alone: values.alone,
      seed: parseCount("seed", values.seed, 0, 0xffffffff),
      maxTokens: parseCount("max-tokens", values["max-tokens"], 1, 1024),
      features: parseFeatureChoice(values.features),
      out: values.out.replace(/\.(json|png)$/, ""),
    },
  };
}

function parseKnown(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        model: { type: "string", default: "public/models/relampago-71m" },
        record: { type: "string" },
        lengths: { type: "string", default: "512,1024,2048" },
        depths: { type: "string", default: "0,10,20,30,40,50,60,70,80,90,100" },
        texts: { type: "string", default: "4" },
        alone: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        "max-tokens": { type: "string", default: "32" },
        features: { type: "string", default: "default" },
        out: { type: "string", default: "needle" },
        draw: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (cause) {
    const [problem] = (cause as Error).message.split(/\.?( To |\n|$)/);
    throw new TypeError(`${problem}: expected the options that --help lists`, { cause });
  }
}

function parseCount(name: string, text: string, low: number, high: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(count >= low && count <= high)) {
    throw new TypeError(
      `--${name}: expected a whole number from ${low} to ${high}, got ${text === "" ? "nothing" : text}`,
    );
  }
  return count;
}

function parseList(name: string, text: string, low: number, high: number): readonly number[] {
  const counts = text.split(",").map((part) => parseCount(name, part.trim(), low, high));
  return [...new Set(counts)].sort((a, b) => a - b);
}
