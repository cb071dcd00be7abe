// One row of a benchmark: a sequence of its own, a run to warm up, timed runs, and one with timestamps if wanted.

import { type Counters, createCounters } from "../gpu/counters.ts";
import { GpuMemoryError, MemoryBudgetError } from "../gpu/memory-budget.ts";
import { Profiler } from "../gpu/profiler.ts";
import { type GpuSession, UnsupportedGpuError } from "../gpu/session.ts";
import { GREEDY } from "../kernels/call.ts";
import { ROPE_ROWS } from "../kernels/rope-table.ts";
import type { Model } from "../model/model.ts";
import type { Sequence } from "../model/sequence.ts";
import { type BenchmarkPlan, nameRow, type Row } from "./plan.ts";
import type { Measurement, RunProfile } from "./result.ts";
import { summarise } from "./summary.ts";

/** Before each run; run 0 warms up. */
export type OnRun = (progress: { readonly name: string; readonly run: number; readonly runs: number }) => void;

interface RowOptions {
  /** The longest row of the kind that was measured. */
  readonly shorter: Measurement | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onRun: OnRun | undefined;
}

/** A row that cannot be measured here; the message says why. */
export class SkipRow extends Error {
  override readonly name = "SkipRow";
}

interface TimedRun {
  readonly ms: number;
  readonly counters: Counters;
}

const WARM_UP_TOKENS = 8;
const DRAW = { sampling: GREEDY, endTokenIds: [] };

/** Undefined when the signal ended it. Throws SkipRow. */
export async function measureRow(
  model: Model,
  row: Row,
  plan: BenchmarkPlan,
  { shorter, signal, onRun }: RowOptions,
): Promise<Measurement | undefined> {
  const { session } = model;
  expectWithinBudget(row, plan, shorter);
  const sequence = await createRoom(model, row, plan);
  try {
    const name = nameRow(row);
    const tokens = row.kind === "decode" ? plan.decodeTokens : row.length;
    const run = () => timeRun(sequence, row, plan, signal);
    const start = performance.now();
    const isOverBudget = () => performance.now() - start > plan.rowBudgetMs;
    let timed: TimedRun[] = [];
    for (let index = 0; index <= plan.runs; index++) {
      onRun?.({ name, run: index, runs: plan.runs });
      const result = await run();
      if (!result) return undefined;
      // The run that warms up counts when it is to be the only one.
      timed = index === 1 ? [result] : [...timed, result];
      if (isOverBudget()) break;
    }
    const ms = summarise(timed.map((result) => result.ms));
    const profile = plan.profile ? await profileRun(session, run, ms.median) : undefined;
    const { counters } = timed.at(-1)!;
    return {
      name,
      kind: row.kind,
      length: row.length,
      tokens,
      runs: timed.length,
      ms,
      tokensPerSecond: (1000 * tokens) / ms.median,
      perToken: mapCounters((counter) => counters[counter] / tokens),
      allocatedBytes: session.ledger.allocatedBytes,
      ...(profile ? { profile } : {}),
    };
  } finally {
    sequence.destroy();
  }
}

/** Runs every kernel once: some drivers compile them no sooner. */
export async function warmUpKernels(model: Model, signal: AbortSignal | undefined, onRun?: OnRun): Promise<void> {
  onRun?.({ name: "all kernels", run: 0, runs: 0 });
  const sequence = await model.createSequence(WARM_UP_TOKENS + 1);
  try {
    await sequence.prefill(idsFor(model, WARM_UP_TOKENS), { output: "last", signal, ...DRAW });
    if (!signal?.aborted) await sequence.decode(DRAW);
  } finally {
    sequence.destroy();
  }
}

function idsFor({ config }: Model, length: number): number[] {
  return Array.from({ length }, (_, index) => (index * 7919) % config.vocabSize);
}

/** A longer prompt takes at least in proportion longer; a token at a longer context no less. */
function expectWithinBudget({ kind, length }: Row, { rowBudgetMs }: BenchmarkPlan, shorter?: Measurement): void {
  if (!shorter) return;
  const expectedMs = shorter.ms.median * (kind === "decode" ? 1 : length / shorter.length);
  if (expectedMs <= rowBudgetMs) return;
  const [expected, budget] = [expectedMs / 1000, rowBudgetMs / 1000].map((seconds) => {
    return seconds < 10 ? seconds.toPrecision(2) : seconds.toFixed(0);
  });
  throw new SkipRow(`a run would take ${expected} s or more, the row may take ${budget} s`);
}

/** A sequence that never has to grow while it is measured. */
async function createRoom(model: Model, { kind, length }: Row, plan: BenchmarkPlan): Promise<Sequence> {
  const numTokens = kind === "decode" ? length + plan.decodeTokens : length;
  const maxTokens = ROPE_ROWS ** 2;
  if (numTokens > maxTokens) throw new SkipRow(`the engine counts ${maxTokens} positions, ${numTokens} are needed`);
  const { device } = model.session;
  device.pushErrorScope("validation");
  const created = await model.createSequence(numTokens, { fixedPace: plan.fixedPace }).catch((error: unknown) => {
    if (error instanceof UnsupportedGpuError) return new SkipRow(error.message);
    const isTooLarge = error instanceof MemoryBudgetError || error instanceof GpuMemoryError;
    if (isTooLarge) return new SkipRow(`not enough GPU memory: ${error.message}`);
    throw error;
  });
  const invalid = await device.popErrorScope();
  if (created instanceof SkipRow) throw created;
  if (!invalid) return created;
  created.destroy();
  throw new Error(`${kind}: expected a sequence of ${numTokens} tokens, got: ${invalid.message}`);
}

/** Undefined when the signal ended it. */
async function timeRun(
  sequence: Sequence,
  { kind, length }: Row,
  { decodeTokens }: BenchmarkPlan,
  signal: AbortSignal | undefined,
): Promise<TimedRun | undefined> {
  const { session } = sequence.model;
  // Recurrent states are zero then, and keys what the runs before left: the time does not depend on them.
  if (kind === "decode") sequence.assume(length);
  else sequence.clear();
  const ids = kind === "decode" ? [] : idsFor(sequence.model, length);
  await session.device.queue.onSubmittedWorkDone();
  const before = { ...session.counters };
  const start = performance.now();
  if (kind === "decode") {
    for await (const _ of sequence.generate(DRAW, decodeTokens)) if (signal?.aborted) break;
  } else {
    await sequence.prefill(ids, { output: "last", signal, ...DRAW });
  }
  const ms = performance.now() - start;
  if (signal?.aborted) return undefined;
  return { ms, counters: mapCounters((counter) => session.counters[counter] - before[counter]) };
}

async function profileRun(
  session: GpuSession,
  run: () => Promise<TimedRun | undefined>,
  unprofiledMs: number,
): Promise<RunProfile | undefined> {
  if (!session.device.features.has("timestamp-query")) return undefined;
  const profiler = new Profiler(session);
  session.profiler = profiler;
  try {
    if (!(await run())) return undefined;
    const kernels = await profiler.takeTimes();
    const kernelMs = kernels.reduce((sum, { ms }) => sum + ms, 0);
    return { kernels, kernelMs, gapMs: unprofiledMs - kernelMs };
  } finally {
    session.profiler = undefined;
    profiler.destroy();
  }
}

function mapCounters(value: (counter: keyof Counters) => number): Counters {
  const counters = createCounters();
  for (const counter of Object.keys(counters) as (keyof Counters)[]) counters[counter] = value(counter);
  return counters;
}
