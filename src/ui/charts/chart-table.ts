// What a chart shows, as text: rows for a table, and a file of comma-separated values. Knows no canvas.

import type { LineKind } from "./line-looks.ts";

export type Numbers = Float64Array | Float32Array;

export interface ChartAxis {
  /** With the unit where the numbers have none. */
  readonly label: string;
  readonly scale: "linear" | "log";
  /** false: a linear axis spans its values alone, since nothing is said by their distance from zero. */
  readonly fromZero?: boolean;
  /** A value as it is read out, with its unit. */
  readonly format: (value: number) => string;
  /** A value beside the axis; `format` when absent. */
  readonly formatTick?: (value: number) => string;
}

export interface ChartLine {
  readonly label: string;
  /** (num_points); NaN where there is none. */
  readonly values: Numbers;
  /** Index into LINE_LOOKS. */
  readonly look: number;
  readonly kind: LineKind;
}

export interface TableRow {
  readonly x: string;
  /** A text for each line, empty where there is no value. */
  readonly values: readonly string[];
}

/** At most `maxRows` points, evenly spread, the first and the last among them. */
export function tableRows(
  xs: Numbers,
  lines: readonly ChartLine[],
  formatX: (value: number) => string,
  formatY: (value: number) => string,
  maxRows: number,
): readonly TableRow[] {
  const numRows = Math.min(maxRows, xs.length);
  return Array.from({ length: numRows }, (_, row) => {
    const point = numRows === 1 ? 0 : Math.round((row * (xs.length - 1)) / (numRows - 1));
    const values = lines.map((line) => (Number.isNaN(line.values[point]) ? "" : formatY(line.values[point])));
    return { x: formatX(xs[point]), values };
  });
}

/** Every point; the first row names the columns. Numbers are plain, in the axes' base units. */
export function toCsv(xLabel: string, xs: Numbers, lines: readonly ChartLine[]): string {
  const rows = [[xLabel, ...lines.map(({ label }) => label)].map(quoteCell)];
  for (const [point, x] of xs.entries()) {
    rows.push([x, ...lines.map(({ values }) => values[point])].map((value) => (Number.isNaN(value) ? "" : `${value}`)));
  }
  return rows.map((row) => `${row.join(",")}\r\n`).join("");
}

/** As RFC 4180 has it. */
function quoteCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The rows in which labels side by side do not touch: each in the first one that has room, from the left. */
export function rowsOfLabels(spans: readonly { readonly left: number; readonly right: number }[]): readonly number[] {
  const ends: number[] = [];
  const rows = spans.map(() => 0);
  const order = spans.map((_, index) => index).sort((a, b) => spans[a].left - spans[b].left);
  for (const index of order) {
    const { left, right } = spans[index];
    const free = ends.findIndex((end) => end < left);
    rows[index] = free < 0 ? ends.length : free;
    ends[rows[index]] = right;
  }
  return rows;
}

/** Moves labels at `ys` apart until they are `gap` from each other and within `top` and `bottom`, as little as may be;
 * the order of the labels stays that of `ys`. */
export function spreadLabels(ys: readonly number[], gap: number, top: number, bottom: number): readonly number[] {
  const order = ys.map((_, index) => index).sort((a, b) => ys[a] - ys[b]);
  const placed = [...ys];
  let lowest = top;
  for (const index of order) {
    placed[index] = Math.max(placed[index], lowest);
    lowest = placed[index] + gap;
  }
  let highest = bottom;
  for (const index of order.toReversed()) {
    placed[index] = Math.min(placed[index], highest);
    highest = placed[index] - gap;
  }
  return placed;
}
