// What a benchmark measures: which lengths, how often. Plain data that crosses to a worker.

import type { DecodePace } from "../model/decode-pipeline.ts";

export interface BenchmarkPlan {
  /** Tokens of each prompt that is read anew. */
  readonly prefillLengths: readonly number[];
  /** Tokens in the state when decode begins, one row each. */
  readonly contexts: readonly number[];
  /** Tokens that a run of decode draws. */
  readonly decodeTokens: number;
  /** Tokens of a short chat prompt, for the time to its first token; 0 leaves it out. */
  readonly promptTokens: number;
  /** Timed runs of a row. One run before them is not counted, so that caches and clocks are warm. */
  readonly runs: number;
  /** A row stops after the run in which it has taken so long, and is left out when its first run alone is expected to. */
  readonly rowBudgetMs: number;
  /** How decode is paced; undefined: by itself, as in a chat. */
  readonly fixedPace?: DecodePace | undefined;
  /** One more run of each row with a timestamp around every dispatch, where the session was opened with `profile`. */
  readonly profile: boolean;
}

/** From a short question to a book of 128k tokens. */
export const DEFAULT_PLAN: BenchmarkPlan = {
  prefillLengths: [128, 1024, 8192],
  contexts: [16, 1024, 8192, 32_768, 131_072],
  decodeTokens: 128,
  promptTokens: 24,
  runs: 5,
  rowBudgetMs: 60_000,
  profile: false,
};

/** What a row measures. */
export type RowKind = "time to first token" | "prefill" | "decode";

export interface Row {
  readonly kind: RowKind;
  /** Tokens of the prompt; of decode: tokens in the state when it begins. */
  readonly length: number;
}

/** The rows in the order in which they are measured, short ones of a kind first. Throws RangeError for a wrong number. */
export function rowsOf(plan: BenchmarkPlan): Row[] {
  const lengths = { prefillLengths: plan.prefillLengths, contexts: plan.contexts };
  for (const [name, values] of Object.entries(lengths)) for (const value of values) expectWhole(name, value, 1);
  const counts = { decodeTokens: plan.decodeTokens, runs: plan.runs, rowBudgetMs: plan.rowBudgetMs };
  for (const [name, value] of Object.entries(counts)) expectWhole(name, value, 1);
  for (const [name, value] of Object.entries(plan.fixedPace ?? {})) expectWhole(name, value as number, 1);
  expectWhole("promptTokens", plan.promptTokens, 0);
  const ascending = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b);
  return [
    ...(plan.promptTokens > 0 ? [{ kind: "time to first token" as const, length: plan.promptTokens }] : []),
    ...ascending(plan.prefillLengths).map((length): Row => ({ kind: "prefill", length })),
    ...ascending(plan.contexts).map((length): Row => ({ kind: "decode", length })),
  ];
}

/** e.g. `prefill 1024`, `decode at 16`. */
export function nameRow({ kind, length }: Row): string {
  return kind === "decode" ? `decode at ${length}` : `${kind} ${length}`;
}

function expectWhole(name: string, value: number, min: number): void {
  if (!Number.isSafeInteger(value) || value < min) {
    throw new RangeError(`${name}: expected whole numbers from ${min}, got ${value}`);
  }
}
