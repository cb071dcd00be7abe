// The options of `npm run chat`, checked.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MANIFEST_FILE, type SamplingDefaults } from "../../src/checkpoint/manifest.ts";
import { type FeatureChoice, parseFeatureChoice } from "../../src/gpu/features.ts";

export const CHAT_USAGE = `usage: npm run chat -- [options] ["prompt"]

Answers the prompt, or without one holds a conversation: each line of the input is a message.
Ctrl-C stops the answer, a second one quits.

  --model <folder>     an exported model (public/models/relampago-71m)
  --system <text>      the system prompt (none)
  --temperature <x>    0 is greedy (the model's own)
  --top-k <n>          draw from the n likeliest tokens, 0 is off (the model's own)
  --top-p <x>          draw from the likeliest tokens that hold this share, 1 is off (the model's own)
  --min-p <x>          drop tokens below this share of the likeliest, 0 is off (the model's own)
  --seed <n>           the same seed draws the same answer (random)
  --max-tokens <n>     longest answer (1024)
  --features <list>    kernel variants: default, none, or e.g. subgroups,f16 (default)
  --stop <text>        end an answer where this text would begin; can be given several times (none)
  --json               print one object: text, ids, stopReason, timings, ledger, adapter; needs a prompt
  --help               print this`;

export interface ChatOptions {
  readonly model: string;
  readonly system: string;
  /** What was given; the model's own values stand for the rest. */
  readonly sampling: Partial<SamplingDefaults>;
  /** Unsigned 32 bits; undefined: random. */
  readonly seed: number | undefined;
  readonly maxTokens: number;
  readonly features: FeatureChoice;
  readonly stopStrings: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
  /** undefined: a conversation over stdin. */
  readonly prompt: string | undefined;
}

const LARGEST_U32 = 0xffffffff;

/** Throws a TypeError or a FeatureChoiceError of one line. */
export function parseChatOptions(args: readonly string[]): ChatOptions {
  const { values, positionals } = parseKnown(args);
  const [prompt] = positionals;
  if (values.stop.includes("")) throw new TypeError("--stop: expected a text, got an empty one");
  if (positionals.length > 1) throw new TypeError(`prompt: expected one, in quotes, got ${positionals.length}`);
  if (prompt?.trim() === "") throw new TypeError("prompt: expected a text, got an empty one");
  if (values.json && prompt === undefined && !values.help) throw new TypeError("--json: expected a prompt, got none");
  if (!values.help && !existsSync(join(values.model, MANIFEST_FILE))) {
    throw new TypeError(`--model: expected a folder with a ${MANIFEST_FILE}, got ${values.model}`);
  }
  const number = (name: keyof typeof values, isAllowed: (value: number) => boolean, expected: string) =>
    parseNumber(name, values[name], isAllowed, expected);
  const isShare = (value: number) => value >= 0 && value <= 1;
  const isCount = (value: number) => Number.isInteger(value) && value >= 0 && value <= LARGEST_U32;
  const given = {
    temperature: number("temperature", (value) => value >= 0 && value <= 10, "a number from 0 to 10"),
    topK: number("top-k", isCount, "a whole number from 0"),
    topP: number("top-p", (value) => isShare(value) && value > 0, "a number above 0, up to 1"),
    minP: number("min-p", isShare, "a number from 0 to 1"),
  };
  return {
    model: values.model,
    system: values.system,
    sampling: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    seed: number("seed", isCount, `a whole number from 0 to ${LARGEST_U32}`),
    maxTokens: number("max-tokens", (value) => isCount(value) && value > 0, "a whole number from 1")!,
    features: parseFeatureChoice(values.features),
    stopStrings: values.stop,
    json: values.json,
    help: values.help,
    prompt,
  };
}

function parseKnown(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        model: { type: "string", default: "public/models/relampago-71m" },
        system: { type: "string", default: "" },
        temperature: { type: "string" },
        "top-k": { type: "string" },
        "top-p": { type: "string" },
        "min-p": { type: "string" },
        seed: { type: "string" },
        "max-tokens": { type: "string", default: "1024" },
        features: { type: "string", default: "default" },
        stop: { type: "string", multiple: true, default: [] },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    const [problem] = (cause as Error).message.split(/\.?( To |\n|$)/);
    throw new TypeError(`${problem}: expected the options that --help lists`, { cause });
  }
}

function parseNumber(
  name: string,
  text: string | boolean | readonly string[] | undefined,
  isAllowed: (value: number) => boolean,
  expected: string,
): number | undefined {
  if (typeof text !== "string") return undefined;
  const value = /^\d+(\.\d+)?(e-?\d+)?$|^\.\d+$/i.test(text) ? Number(text) : NaN;
  if (!isAllowed(value)) throw new TypeError(`--${name}: expected ${expected}, got ${text === "" ? "nothing" : text}`);
  return value;
}
