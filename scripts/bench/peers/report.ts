// The comparison's tables, in Markdown.

import { summarise } from "../../../src/bench/summary.ts";
import type { GpuCalls } from "./gpu-calls.ts";
import type { MeasuredRun, Phase } from "./measure-peer.ts";
import type { PeerName } from "./peer.ts";

export interface Result extends Omit<MeasuredRun, "answer"> {
  readonly peer: PeerName;
  readonly promptTokens: number;
  /** Written after the first one. */
  readonly numTokens: number;
  /** The first token and those written. */
  readonly answer: string;
}

const CALLS = ["dispatches", "passes", "submits", "maps", "buffers"] as const satisfies (keyof GpuCalls)[];

interface DescribedPeer {
  readonly name: PeerName;
  readonly description: string;
}

/** Medians, with the range of speeds in brackets. */
export function formatReport(peers: readonly DescribedPeer[], results: readonly Result[]): string {
  const onGpu = peers.filter((peer) => runsOf(results, peer).some(({ write }) => write.calls.dispatches > 0));
  return [
    formatTable("tokens/s", peers, results, (runs, phase) => {
      const { median, fastest, slowest } = summarise(runs.map((run) => 1000 / perToken(run, phase, ({ ms }) => ms)));
      return `${format(median)} (${format(fastest)}–${format(slowest)})`;
    }),
    formatTable("processor ms a token", peers, results, (runs, phase) => {
      return format(summarise(runs.map((run) => perToken(run, phase, ({ cpuMs }) => cpuMs))).median);
    }),
    formatTable(`${CALLS.join(", ")} a token`, onGpu, results, (runs, phase) => {
      const medians = CALLS.map((key) => summarise(runs.map((run) => perToken(run, phase, ({ calls }) => calls[key]))));
      return medians.map(({ median }) => format(median)).join(", ");
    }),
    `The same answer as the first engine's, up to:\n${formatAgreement(peers, results)}`,
  ].join("\n\n");
}

function formatTable(
  title: string,
  peers: readonly DescribedPeer[],
  results: readonly Result[],
  cell: (runs: readonly Result[], phase: "read" | "write") => string,
): string {
  const lengths = lengthsOf(results);
  const columns = [...lengths.map((length) => `read ${length}`), ...lengths.map((length) => `write at ${length}`)];
  const rows = peers.map((peer) => {
    const runs = runsOf(results, peer);
    const cells = (phase: "read" | "write") => {
      return lengths.map((length) =>
        cell(
          runs.filter(({ promptTokens }) => promptTokens === length),
          phase,
        ),
      );
    };
    return [peer.description, ...cells("read"), ...cells("write")];
  });
  const lines = [[title, ...columns], ["---", ...columns.map(() => "---")], ...rows];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** Engines differ in rounding, so that an answer may part where two tokens are as likely; one that differs from run to run
 * has another reason. */
function formatAgreement([first, ...others]: readonly DescribedPeer[], results: readonly Result[]): string {
  const lines = [first!, ...others].map((peer) => {
    const runs = runsOf(results, peer);
    const parts = lengthsOf(results).map((length) => {
      const expected = runsOf(results, first!).find(({ promptTokens }) => promptTokens === length)!.answer;
      const answers = runs.filter(({ promptTokens }) => promptTokens === length).map(({ answer }) => answer);
      const shares = answers.map(
        (answer) => `${format((100 * commonPrefixLength(expected, answer)) / expected.length)} %`,
      );
      return `after ${length} ${[...new Set(shares)].join(" or ")} (answers: ${new Set(answers).size})`;
    });
    return `- ${peer.description}: ${parts.join(", ")}`;
  });
  return lines.join("\n");
}

function runsOf(results: readonly Result[], { name }: DescribedPeer): readonly Result[] {
  return results.filter(({ peer }) => peer === name);
}

function lengthsOf(results: readonly Result[]): readonly number[] {
  return [...new Set(results.map(({ promptTokens }) => promptTokens))];
}

function perToken(run: Result, phase: "read" | "write", value: (phase: Phase) => number): number {
  return value(run[phase]) / (phase === "read" ? run.promptTokens : run.numTokens);
}

function commonPrefixLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
