// The comparison's tables, in Markdown.

import { summarise } from "../../../src/bench/summary.ts";
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

interface DescribedPeer {
  readonly name: PeerName;
  readonly description: string;
}

/** Medians, with the range of speeds in brackets. */
export function formatReport(peers: readonly DescribedPeer[], results: readonly Result[]): string {
  const lengths = [...new Set(results.map(({ promptTokens }) => promptTokens))];
  const ofPeer = ({ name }: DescribedPeer) => results.filter(({ peer }) => peer === name);
  const columns = [...lengths.map((length) => `read ${length}`), ...lengths.map((length) => `write at ${length}`)];
  const table = (title: string, cell: (runs: readonly Result[], phase: "read" | "write") => string): string => {
    const rows = peers.map((peer) => {
      const runs = (length: number) => ofPeer(peer).filter(({ promptTokens }) => promptTokens === length);
      const cells = (phase: "read" | "write") => lengths.map((length) => cell(runs(length), phase));
      return [peer.description, ...cells("read"), ...cells("write")];
    });
    const lines = [[title, ...columns], columns.concat("").map(() => "---"), ...rows];
    return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
  };
  const sameModel = peers.filter(({ name }) => name !== "onnxruntime-llama");
  const agreement = sameModel.map((peer) => {
    const shares = ofPeer(peer).map((run) => {
      const own = results.find(
        ({ peer: other, promptTokens }) => other === "relampago" && promptTokens === run.promptTokens,
      );
      return own ? commonPrefixLength(own.answer, run.answer) / own.answer.length : NaN;
    });
    const answers = new Set(ofPeer(peer).map(({ promptTokens, answer }) => `${promptTokens} ${answer}`));
    return `- ${peer.description}: ${format(summarise(shares).median * 100)} % (median); ${answers.size} different answers to ${lengths.length} prompts`;
  });
  return [
    table("tokens/s", (runs, phase) => {
      const { median, fastest, slowest } = summarise(runs.map((run) => 1000 / perToken(run, phase, ({ ms }) => ms)));
      return `${format(median)} (${format(fastest)}–${format(slowest)})`;
    }),
    table("processor ms a token", (runs, phase) => {
      return format(summarise(runs.map((run) => perToken(run, phase, ({ cpuMs }) => cpuMs))).median);
    }),
    table("dispatches, passes, submits, maps, buffers a token", (runs, phase) => {
      const keys = ["dispatches", "passes", "submits", "maps", "buffers"] as const;
      return keys
        .map((key) => format(summarise(runs.map((run) => perToken(run, phase, ({ calls }) => calls[key]))).median))
        .join(", ");
    }),
    `Agrees with Relampago's answer up to:\n${agreement.join("\n")}`,
  ].join("\n\n");
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
