// A comparison as text: tables for a terminal, and comma-separated values for a file.

import { crossingSentences, fitLanes, MEMORY, memoryCrossings, READING, timeCrossings, WRITING } from "./findings.ts";
import type { InspectedModel, TokenWeights } from "./inspection-result.ts";
import type { RaceLane, ReadPoint } from "./race-result.ts";
import { chanceOf, type RecallCell, recallRates } from "./recall-result.ts";

/** Rows of the race's table at most. */
const RACE_ROWS = 12;

type Cell = string | number;

/** Columns as wide as their widest cell; the first is text, the rest are numbers. */
export function formatTable(rows: readonly (readonly Cell[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const text = String(cell);
          return column === 0 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Memory, time and loss at some positions, then how they grow and where they cross. */
export function reportRace(lanes: readonly RaceLane[]): string {
  const of = (title: string, cell: (point: ReadPoint) => Cell): string => {
    const rows = someOf(lanes[0]!.reads).map(({ position }) => [
      String(position),
      ...lanes.map(({ reads }) => {
        const point = reads.find((read) => read.position === position);
        return point ? cell(point) : "";
      }),
    ]);
    return `${title}\n${formatTable([["tokens", ...lanes.map(({ name }) => name)], ...rows])}`;
  };
  const writing = lanes[0]!.writes.map(({ position }, index) => [
    String(position),
    ...lanes.map(({ writes }) => writes[index]?.msPerToken.toFixed(3) ?? ""),
  ]);
  return [
    of("bytes of state and keys", ({ used }) => used.recurrentState + used.keys),
    of("reading, ms a token", ({ msPerToken }) => msPerToken.toFixed(4)),
    of("loss, nats a token", ({ loss }) => loss?.toFixed(3) ?? ""),
    `writing, ms a token\n${formatTable([["tokens", ...lanes.map(({ name }) => name)], ...writing])}`,
    `growth: exponent of the length, by least squares on the logarithms\n${reportFits(lanes)}`,
    [
      ...crossingSentences(lanes, MEMORY, memoryCrossings(lanes)),
      ...crossingSentences(lanes, READING, timeCrossings(lanes, READING)),
      ...crossingSentences(lanes, WRITING, timeCrossings(lanes, WRITING)),
    ].join("\n"),
  ].join("\n\n");
}

function reportFits(lanes: readonly RaceLane[]): string {
  const rows = [MEMORY, READING, WRITING].map((quantity) => [
    quantity.name,
    ...fitLanes(lanes, quantity).map((fit) => fit?.exponent.toFixed(2) ?? ""),
  ]);
  return formatTable([["", ...lanes.map(({ name }) => name)], ...rows]);
}

/** Shares of right answers by size, with the error of the mean over seeds. */
export function reportRecall(cells: readonly RecallCell[]): string {
  const names = [...new Set(cells.map(({ name }) => name))];
  const sizes = [...new Set(cells.map(({ size }) => size))];
  const table = (measure: "said" | "chosen", title: string, last: (size: number) => Cell[]): string => {
    const rates = names.map((name) => recallRates(cells, name, measure));
    const rows = sizes.map((size, index) => [
      String(size),
      ...rates.map((own) => {
        const rate = own[index];
        return rate ? `${(100 * rate.mean).toFixed(0)} ± ${(100 * rate.standardError).toFixed(0)}` : "";
      }),
      ...last(size),
    ]);
    const head = ["pairs", ...names, ...(measure === "chosen" ? ["chance"] : [])];
    return `${title}\n${formatTable([head, ...rows])}`;
  };
  return [
    table("said", "recall, % of answers that name the value", () => []),
    table("chosen", "recall, % where the value is the likeliest of the list's", (size) => [
      (100 * chanceOf(size)).toFixed(0),
    ]),
  ].join("\n\n");
}

/** A row a point of a lane: reads, then writes. */
export function raceCsv(lanes: readonly RaceLane[]): string {
  const head = ["model", "kind", "tokens", "state_bytes", "key_bytes", "ms_per_token", "elapsed_ms", "loss_nats"];
  const rows = lanes.flatMap(({ name, reads, writes }) => [
    ...reads.map(({ position, used, msPerToken, elapsedMs, loss }) => {
      return [name, "read", position, used.recurrentState, used.keys, msPerToken, elapsedMs, loss ?? ""];
    }),
    ...writes.map(({ position, msPerToken }) => [name, "write", position, "", "", msPerToken, "", ""]),
  ]);
  return toCsv([head, ...rows]);
}

export function recallCsv(cells: readonly RecallCell[]): string {
  const head = ["model", "pairs", "seed", "asked", "said", "chosen", "prompt_tokens"];
  const rows = cells.map((cell) => {
    return [cell.name, cell.size, cell.seed, cell.numAsked, cell.numSaid, cell.numChosen, cell.promptTokens];
  });
  return toCsv([head, ...rows]);
}

/** A row a token and layer: its experts, and what the chosen token takes from it, head by head; later tokens have none. */
export function inspectionCsv(
  tokens: readonly string[],
  { numHeads, expertsPerToken, layers }: InspectedModel,
  weights: TokenWeights,
): string {
  const heads = Array.from({ length: numHeads }, (_, head) => head);
  const head = ["token", "text", "layer", "attention", "experts", ...heads.map((index) => `head_${index + 1}`)];
  const rows = layers.flatMap(({ type, expertIds }, layer) => {
    const own = weights.layers[layer]!;
    const numWeights = own.length / numHeads;
    return tokens.map((text, token) => {
      const experts = [...expertIds.subarray(token * expertsPerToken, (token + 1) * expertsPerToken)];
      const taken = heads.map((index) => (token < numWeights ? own[index * numWeights + token]! : ""));
      return [token + 1, text, layer + 1, type, experts.map((expert) => expert + 1).join(" "), ...taken];
    });
  });
  return toCsv([head, ...rows]);
}

/** As RFC 4180 has it. */
function toCsv(rows: readonly (readonly Cell[])[]): string {
  const quote = (cell: Cell) => (/[",\r\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  return rows.map((row) => `${row.map(quote).join(",")}\r\n`).join("");
}

/** Evenly spread, the first and the last among them. */
function someOf(points: readonly ReadPoint[]): readonly ReadPoint[] {
  if (points.length <= RACE_ROWS) return points;
  return Array.from({ length: RACE_ROWS }, (_, row) => {
    return points[Math.round((row * (points.length - 1)) / (RACE_ROWS - 1))]!;
  });
}
