// The options of `npm run bench`, checked.

import { parseArgs } from "node:util";
import { type BenchmarkPlan, DEFAULT_PLAN, rowsOf } from "../../src/bench/plan.ts";
import type { WeightFormat } from "../../src/checkpoint/weight-source.ts";
import { type FeatureChoice, parseFeatureChoice } from "../../src/gpu/features.ts";
import type { KvFormat } from "../../src/kernels/kv-format.ts";

export const BENCH_USAGE = `usage: npm run bench -- [options]
       npm run bench -- --compare <a.json> <b.json>

Measures how fast a model reads and writes on this machine's GPU, and what each token asks of it.
Ctrl-C ends it with what was measured until then.

  --model <folder>     an exported model (public/models/relampago-71m)
  --hf <folder>        a Hugging Face checkpoint instead, converted in memory
  --format <format>    q4, q8, f16 or f32: of a checkpoint its own weights, of an exported model made-up ones of its
                       shape where its own are in another format (the model's own; of a checkpoint q4)
  --prefill <list>     lengths of prompts to read, e.g. 128,1024; none leaves them out (${DEFAULT_PLAN.prefillLengths.join(",")})
  --context <list>     tokens in the state when decode begins, or none (${DEFAULT_PLAN.contexts.join(",")})
  --prompt <n>         length of the prompt for the time to its first token, 0 leaves it out (${DEFAULT_PLAN.promptTokens})
  --tokens <n>         tokens that a run of decode draws (${DEFAULT_PLAN.decodeTokens})
  --runs <n>           timed runs of each row, after one to warm up (${DEFAULT_PLAN.runs})
  --budget <seconds>   a row ends after the run in which it took so long (${DEFAULT_PLAN.rowBudgetMs / 1000})
  --block-size <n>     tokens that are read at once (the engine's own)
  --depth <n>          with --steps: runs of decode steps in flight, and steps of a run (adapts by itself)
  --steps <n>
  --kv <format>        how keys and values are stored: f16, f32 or i8 (f16, as in a chat)
  --features <list>    kernel variants: default, none, or e.g. subgroups,f16 (default)
  --profile            time per kernel, where the adapter offers timestamps
  --browser            in Chromium, as the page does, instead of in Node
  --out <file>         writes the result as JSON
  --compare            prints how the second result compares to the first
  --help               prints this`;

/** What is measured, wherever it runs. */
export interface BenchTask {
  /** undefined: the model's own. */
  readonly format: WeightFormat | undefined;
  readonly features: FeatureChoice;
  readonly kvFormat: KvFormat;
  /** undefined: the engine's own. */
  readonly blockSize: number | undefined;
  readonly plan: BenchmarkPlan;
}

export interface BenchOptions {
  readonly kind: "run";
  readonly model: string;
  readonly hf: string | undefined;
  readonly task: BenchTask;
  readonly browser: boolean;
  readonly out: string | undefined;
}

export type BenchCommand =
  BenchOptions | { readonly kind: "help" } | { readonly kind: "compare"; readonly files: readonly [string, string] };

const FORMATS: readonly WeightFormat[] = ["q4", "q8", "f16", "f32"];
const KV_FORMATS: readonly KvFormat[] = ["f16", "f32", "i8"];

/** Throws an error of one line. */
export function parseBenchOptions(args: readonly string[]): BenchCommand {
  const { values, positionals } = parseKnown(args);
  if (values.help) return { kind: "help" };
  if (values.compare) {
    const [first, second, ...rest] = positionals;
    if (first === undefined || second === undefined || rest.length > 0) {
      throw new TypeError(`--compare: expected two files, got ${positionals.length}`);
    }
    return { kind: "compare", files: [first, second] };
  }
  if (positionals.length > 0) throw new TypeError(`options: expected names with --, got ${positionals[0]}`);
  if (values.browser && values.hf !== undefined) {
    throw new TypeError("--browser: expected an exported model, got a checkpoint by --hf");
  }
  const format = FORMATS.find((known) => known === values.format);
  if (values.format !== undefined && !format) {
    throw new TypeError(`--format: expected one of ${FORMATS.join(", ")}, got ${values.format}`);
  }
  const kvFormat = KV_FORMATS.find((known) => known === values.kv);
  if (!kvFormat) throw new TypeError(`--kv: expected one of ${KV_FORMATS.join(", ")}, got ${values.kv}`);
  return {
    kind: "run",
    model: values.model,
    hf: values.hf,
    browser: values.browser,
    out: values.out,
    task: {
      format,
      features: parseFeatureChoice(values.features),
      kvFormat,
      blockSize: parseCount("block-size", values["block-size"]),
      plan: parsePlan(values),
    },
  };
}

function parsePlan(values: ReturnType<typeof parseKnown>["values"]): BenchmarkPlan {
  const depth = parseCount("depth", values.depth);
  const steps = parseCount("steps", values.steps);
  if ((depth === undefined) !== (steps === undefined)) {
    throw new TypeError("--depth, --steps: expected both or neither, got one");
  }
  const budgetSeconds = parseCount("budget", values.budget);
  const plan: BenchmarkPlan = {
    prefillLengths: parseList("prefill", values.prefill) ?? DEFAULT_PLAN.prefillLengths,
    contexts: parseList("context", values.context) ?? DEFAULT_PLAN.contexts,
    decodeTokens: parseCount("tokens", values.tokens) ?? DEFAULT_PLAN.decodeTokens,
    promptTokens: parseCount("prompt", values.prompt, 0) ?? DEFAULT_PLAN.promptTokens,
    runs: parseCount("runs", values.runs) ?? DEFAULT_PLAN.runs,
    rowBudgetMs: budgetSeconds === undefined ? DEFAULT_PLAN.rowBudgetMs : 1000 * budgetSeconds,
    fixedPace: depth === undefined || steps === undefined ? undefined : { depth, steps },
    profile: values.profile,
  };
  if (rowsOf(plan).length === 0) throw new TypeError("plan: expected something to measure, got nothing");
  return plan;
}

function parseKnown(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        model: { type: "string", default: "public/models/relampago-71m" },
        hf: { type: "string" },
        format: { type: "string" },
        prefill: { type: "string" },
        context: { type: "string" },
        prompt: { type: "string" },
        tokens: { type: "string" },
        runs: { type: "string" },
        budget: { type: "string" },
        "block-size": { type: "string" },
        depth: { type: "string" },
        steps: { type: "string" },
        features: { type: "string", default: "default" },
        kv: { type: "string", default: "f16" },
        profile: { type: "boolean", default: false },
        browser: { type: "boolean", default: false },
        out: { type: "string" },
        compare: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    const [problem] = (cause as Error).message.split(/\.?( To |\n|$)/);
    throw new TypeError(`${problem}: expected the options that --help lists`, { cause });
  }
}

/** undefined when it was not given. */
function parseCount(name: string, text: string | undefined, min = 1): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new TypeError(`--${name}: expected a whole number from ${min}, got ${text === "" ? "nothing" : text}`);
}

function parseList(name: string, text: string | undefined): number[] | undefined {
  if (text === "none") return [];
  return text?.split(",").map((part) => parseCount(name, part)!);
}
