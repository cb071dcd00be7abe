// The charts of `npm run compare` as one picture: small multiples of lines, told apart without colour.

import { MEMORY, type Quantity, READING, WRITING } from "../../src/compare/findings.ts";
import type { RaceLane } from "../../src/compare/race-result.ts";
import { chanceOf, type RecallCell, type RecallRate, recallRates } from "../../src/compare/recall-result.ts";
import type { Picture } from "../node/picture.ts";

const FRAME = { width: 520, height: 270 };
const MARGIN = { left: 84, right: 24, top: 60, bottom: 46 };
const HEAD_HEIGHT = 76;
const FONT = "system-ui, 'Helvetica Neue', Arial, sans-serif";
const CHANCE_LOOK = 4;
const LOOKS = [
  { color: "#6b3fd4", dash: "" },
  { color: "#b4530a", dash: "10 4" },
  { color: "#0b6e6e", dash: "3 3" },
  { color: "#8a1c5b", dash: "12 3 2 3" },
  { color: "#8b8799", dash: "1 4" },
];

interface Line {
  readonly label: string;
  readonly look: number;
  readonly width: number;
  readonly points: readonly (readonly [number, number])[];
  /** Half the height of the error bar at each point. */
  readonly errors?: readonly number[];
}

interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly isLogX: boolean;
  /** From zero to the largest value, or about the values. */
  readonly fromZero: boolean;
  readonly yMax?: number;
  readonly lines: readonly Line[];
}

/** All charts there are numbers for, two in a row. */
export function drawComparison(
  title: string,
  subtitle: string,
  lanes: readonly RaceLane[],
  cells: readonly RecallCell[],
): Picture {
  const charts = [...(lanes.length > 0 ? raceCharts(lanes) : []), ...(cells.length > 0 ? recallCharts(cells) : [])];
  const numRows = Math.ceil(charts.length / 2);
  const width = 2 * FRAME.width;
  const height = HEAD_HEIGHT + numRows * FRAME.height + 16;
  const drawn = charts.map((chart, index) => {
    const [x, y] = [(index % 2) * FRAME.width, HEAD_HEIGHT + Math.floor(index / 2) * FRAME.height];
    return `<g transform="translate(${x} ${y})">${drawChart(chart)}</g>`;
  });
  const names = [...new Set([...lanes, ...cells].map(({ name }) => name))];
  const legend = names.map((name, index) => {
    const { color, dash } = LOOKS[index % CHANCE_LOOK]!;
    const x = 24 + index * 190;
    return `<path d="M${x} 64h32" stroke="${color}" stroke-width="2.5" stroke-dasharray="${dash}"/>${text(x + 40, 68, name)}`;
  });
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${FONT}" font-size="12" ` +
    `fill="#1e1b2b"><rect width="100%" height="100%" fill="#ffffff"/>` +
    text(24, 26, title, `font-size="17" font-weight="600"`) +
    text(24, 46, subtitle, `fill="#5b576b"`) +
    `${legend.join("")}${drawn.join("")}</svg>`;
  return { svg, width, height };
}

function raceCharts(lanes: readonly RaceLane[]): Chart[] {
  const linesOf = (pointsOf: Quantity["pointsOf"]): Line[] =>
    lanes.map((lane, look) => ({ label: lane.name, look: look % CHANCE_LOOK, width: 2, points: pointsOf(lane) }));
  const chart = (title: string, yLabel: string, fromZero: boolean, lines: Line[]): Chart => {
    return { title, yLabel, xLabel: "tokens", isLogX: false, fromZero, lines };
  };
  const toMegabytes = (lines: Line[]): Line[] =>
    lines.map((line) => ({ ...line, points: line.points.map(([x, y]) => [x, y / 1e6]) }));
  return [
    chart("Memory of the text", "MB of state and keys", true, toMegabytes(linesOf(MEMORY.pointsOf))),
    chart("Reading", "ms in all", true, linesOf(READING.pointsOf)),
    chart("Writing after so many tokens", "ms a token", true, linesOf(WRITING.pointsOf)),
    chart(
      "Loss",
      "nats a token",
      false,
      linesOf(({ reads }) => reads.flatMap(({ position, loss }) => (loss === null ? [] : [[position, loss]]))),
    ),
  ];
}

function recallCharts(cells: readonly RecallCell[]): Chart[] {
  const names = [...new Set(cells.map(({ name }) => name))];
  const lineOf = (label: string, look: number, width: number, rates: readonly RecallRate[]): Line => ({
    label,
    look: look % CHANCE_LOOK,
    width,
    points: rates.map(({ size, mean }) => [size, 100 * mean]),
    errors: rates.map(({ standardError }) => 100 * standardError),
  });
  return names.map((name, look): Chart => {
    const chosen = recallRates(cells, name, "chosen");
    return {
      title: `Recall: ${name}`,
      xLabel: "pairs in the list; thick: likeliest in it, thin: said, grey: chance",
      yLabel: "% found",
      isLogX: true,
      fromZero: true,
      yMax: 100,
      lines: [
        {
          label: "chance",
          look: CHANCE_LOOK,
          width: 2,
          points: chosen.map(({ size }) => [size, 100 * chanceOf(size)]),
        },
        lineOf("chosen", look, 2.5, chosen),
        lineOf("said", look, 1, recallRates(cells, name, "said")),
      ],
    };
  });
}

function drawChart({ title, xLabel, yLabel, isLogX, fromZero, yMax, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points);
  const most = (values: readonly number[]) => values.reduce((largest, value) => Math.max(largest, value), 0);
  const xs = points.map(([x]) => x);
  const [xFrom, xTo] = [isLogX ? Math.min(...xs) : 0, most(xs)];
  const ys = points.map(([, y]) => y);
  const bottom = fromZero ? 0 : Math.floor(Math.min(...ys));
  const top = yMax ?? bottom + roundUp(most(ys) - bottom);
  const [left, right] = [MARGIN.left, FRAME.width - MARGIN.right];
  const [low, high] = [FRAME.height - MARGIN.bottom, MARGIN.top];
  const share = (x: number) => (isLogX ? Math.log(x / xFrom) / Math.log(Math.max(xTo / xFrom, 2)) : x / (xTo || 1));
  const xOf = (x: number) => left + share(x) * (right - left);
  const yOf = (y: number) => low - ((y - bottom) / (top - bottom)) * (low - high);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => bottom + part * (top - bottom));
  const xTicks = isLogX ? [...new Set(xs)] : [0, 0.25, 0.5, 0.75, 1].map((part) => part * xTo);
  return [
    text(24, 24, title, `font-weight="600"`),
    text(left, high - 8, yLabel, `fill="#5b576b"`),
    ...ticks.map((y) => {
      const grid = `<path d="M${left} ${yOf(y)}H${right}" stroke="#e2dfea"/>`;
      return grid + text(left - 8, yOf(y) + 4, format(y), `text-anchor="end" fill="#5b576b"`);
    }),
    ...xTicks.map((x) => text(xOf(x), low + 18, format(x), `text-anchor="middle" fill="#5b576b"`)),
    text(right, low + 36, xLabel, `text-anchor="end" fill="#5b576b"`),
    ...lines.map((line) => drawLine(line, xOf, yOf)),
  ].join("");
}

function drawLine(
  { look, width, points, errors }: Line,
  xOf: (x: number) => number,
  yOf: (y: number) => number,
): string {
  const { color, dash } = LOOKS[look]!;
  const path = points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${xOf(x).toFixed(1)} ${yOf(y).toFixed(1)}`);
  const bars = (errors ?? []).map((error, index) => {
    const [x, y] = points[index]!;
    return `<path d="M${xOf(x)} ${yOf(y - error)}V${yOf(y + error)}" stroke="${color}" stroke-width="1.5"/>`;
  });
  const stroke = `fill="none" stroke="${color}" stroke-width="${width}" stroke-dasharray="${dash}"`;
  return `<path d="${path.join("")}" ${stroke}/>${bars.join("")}`;
}

/** To two digits that an axis may end with. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value)) / 5;
  return Math.ceil(value / unit) * unit;
}

function format(value: number): string {
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value);
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x}" y="${y}" ${attributes}>${content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
}
