import { describe, expect, test } from "vitest";
import { type ChartLine, rowsOfLabels, spreadLabels, tableRows, toCsv } from "../../../src/ui/charts/chart-table.ts";
import { LINE_LOOKS, styleOf } from "../../../src/ui/charts/line-looks.ts";

function line(label: string, values: readonly number[]): ChartLine {
  return { label, values: Float64Array.from(values), look: 0, kind: "measured" };
}

describe("a chart as text", () => {
  test("a table of many points has the first, the last and evenly spread ones between", () => {
    const xs = Float64Array.from({ length: 101 }, (_, index) => index);
    const squares = line(
      "squares",
      Array.from(xs, (x) => x * x),
    );
    const rows = tableRows(xs, [squares], String, (value) => `${value} B`, 5);
    expect(rows.map(({ x }) => x)).toEqual(["0", "25", "50", "75", "100"]);
    expect(rows.map(({ values }) => values[0])).toEqual(["0 B", "625 B", "2500 B", "5625 B", "10000 B"]);
  });

  test("a table of few points has each once, and leaves out what has no value", () => {
    const rows = tableRows(Float64Array.of(1, 2), [line("a", [NaN, 4])], String, String, 16);
    expect(rows).toEqual([
      { x: "1", values: [""] },
      { x: "2", values: ["4"] },
    ]);
    expect(tableRows(Float64Array.of(), [line("a", [])], String, String, 16)).toEqual([]);
    expect(tableRows(Float64Array.of(7), [line("a", [1])], String, String, 16)).toHaveLength(1);
  });

  test("a file of numbers has every point, its columns named, names with commas in quotes", () => {
    const text = toCsv("tokens read", Float64Array.of(1, 2), [line('used, "now"', [0.5, NaN]), line("all", [3, 4e9])]);
    expect(text).toBe('tokens read,"used, ""now""",all\r\n1,0.5,3\r\n2,,4000000000\r\n');
  });
});

describe("labels at the ends of lines", () => {
  test("stay where they are when they do not meet", () => {
    expect(spreadLabels([100, 20, 60], 15, 0, 200)).toEqual([100, 20, 60]);
  });

  test("move apart in the order of their lines, and stay inside", () => {
    const placed = spreadLabels([198, 200, 199, 5], 15, 0, 200);
    expect(placed).toEqual([170, 200, 185, 5]);
    expect(spreadLabels([0, 0], 15, 8, 200)).toEqual([8, 23]);
  });
});

test("no two looks share dash and marker, and what is computed is dotted without a marker", () => {
  const shapes = LINE_LOOKS.map(({ dash, marker }) => `${dash.join()} ${marker}`);
  expect(new Set(shapes).size).toBe(LINE_LOOKS.length);
  expect(styleOf(0, "computed").marker).toBeNull();
  expect(styleOf(0, "computed").dash).not.toEqual(styleOf(0, "measured").dash);
  expect(styleOf(0, "allocated").width).toBeLessThan(styleOf(0, "measured").width);
});

test("labels side by side stand in one row, and those that would touch below each other", () => {
  const span = (left: number) => ({ left, right: left + 20 });
  expect(rowsOfLabels([span(0), span(40), span(80)])).toEqual([0, 0, 0]);
  expect(rowsOfLabels([span(15), span(0), span(30), span(36)])).toEqual([1, 0, 0, 1]);
  expect(rowsOfLabels([])).toEqual([]);
});
