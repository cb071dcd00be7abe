// A uPlot of lines: axes, dashes, markers and labels at the lines' ends, in the colours that the page has at the moment of
// drawing. Knows nothing of where its numbers come from.

import uPlot from "uplot";
import { type ChartAxis, type ChartLine, type Numbers, rowsOfLabels, spreadLabels } from "./chart-table.ts";
import { type LineStyle, markerPath, styleOf } from "./line-looks.ts";

export interface PlotContents {
  readonly x: ChartAxis;
  /** (num_points), ascending. */
  readonly xs: Numbers;
  /** What the axis spans; absent: the points. */
  readonly xRange?: readonly [number, number];
  readonly y: ChartAxis;
  readonly lines: readonly ChartLine[];
  /** Places on the x axis that the text beside the chart speaks of. */
  readonly marks?: readonly ChartMark[];
}

export interface ChartMark {
  readonly x: number;
  readonly label: string;
}

/** Below this width the lines' ends are not labelled; the legend names them. */
const LABELLED_WIDTH = 560;
const LABEL_FONT_SIZE = 12;
const LABEL_GAP = 15;
const MARKER_RADIUS = 4;
/** A line has about so many markers, however many points. */
const NUM_MARKERS = 7;

/** Draws into `element`; `onHover` gets the index of the point under the pointer, null when there is none. What the axes
 * and lines are called is fixed, their numbers come by `setContents`. */
export function createPlot(
  element: HTMLElement,
  contents: PlotContents,
  size: { readonly width: number; readonly height: number },
  onHover: (point: number | null) => void,
): uPlot {
  const colorOf = (property: string): string => getComputedStyle(element).getPropertyValue(property).trim();
  const font = `${LABEL_FONT_SIZE}px ${getComputedStyle(element).fontFamily}`;
  const axisOf = ({ format, formatTick = format }: ChartAxis): uPlot.Axis => ({
    font,
    stroke: () => colorOf("--muted"),
    grid: { stroke: () => colorOf("--rule"), width: 1 },
    ticks: { show: false },
    values: (_, splits) => splits.map((value) => (value === null ? "" : formatTick(value))),
  });
  const scaleOf = ({ scale }: ChartAxis): uPlot.Scale => ({ time: false, distr: scale === "log" ? 3 : 1 });
  const labelWidth = size.width < LABELLED_WIDTH ? 0 : widestLabel(contents.lines, font);
  return new uPlot(
    {
      ...size,
      padding: [10, Math.max(16, labelWidth + 16), 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: {
          ...scaleOf(contents.x),
          ...(contents.xRange ? { range: [contents.xRange[0], contents.xRange[1]] } : {}),
        },
        y: {
          ...scaleOf(contents.y),
          ...(contents.y.scale === "linear" && contents.y.fromZero !== false
            ? { range: (_, __, max) => rangeFromZero(max) }
            : {}),
        },
      },
      axes: [
        { ...axisOf(contents.x), size: 26, gap: 4 },
        { ...axisOf(contents.y), size: (_, values) => widestTick(values, font) + 14 },
      ],
      series: [
        {},
        ...contents.lines.map(({ label, look, kind }): uPlot.Series => {
          const { color, dash, width } = styleOf(look, kind);
          return {
            label,
            width,
            stroke: () => colorOf(color),
            dash: dash.map((length) => length * devicePixelRatio),
            points: { show: false },
            ...(kind === "allocated" ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
          };
        }),
      ],
      hooks: {
        setCursor: [({ cursor }) => onHover(cursor.idx ?? null)],
        draw: [
          (plot) => {
            const lines = contents.lines.map(({ label, look, kind }) => ({ label, style: styleOf(look, kind) }));
            drawMarks(plot, contents.marks ?? [], font, colorOf);
            drawMarkers(plot, lines, colorOf);
            if (labelWidth > 0) drawLabels(plot, lines, font, colorOf);
          },
        ],
      },
    },
    plotNumbers(contents),
    element,
  );
}

/** uPlot's own form: null where there is no value, or none that a logarithm has. */
export function plotNumbers({ x, xs, y, lines }: PlotContents): uPlot.AlignedData {
  const gapped = (values: Numbers, scale: ChartAxis["scale"]): uPlot.AlignedData[1] => {
    const isShown = (value: number): boolean => !Number.isNaN(value) && (scale === "linear" || value > 0);
    return values.every(isShown) ? values : Array.from(values, (value) => (isShown(value) ? value : null));
  };
  return [gapped(xs, x.scale) as uPlot.AlignedData[0], ...lines.map(({ values }) => gapped(values, y.scale))];
}

function rangeFromZero(max: number | null): uPlot.Range.MinMax {
  const [, top] = uPlot.rangeNum(0, max !== null && max > 0 ? max : 1, 0.1, true);
  return [0, top];
}

interface NamedLine {
  readonly label: string;
  readonly style: LineStyle;
}

type ColorOf = (property: string) => string;

/** Where the points of a line lie, in canvas pixels; null where there is no value. */
function pointAt(plot: uPlot, line: number, point: number): { readonly x: number; readonly y: number } | null {
  const [x, y] = [plot.data[0][point], plot.data[line + 1]?.[point]];
  if (x === null || x === undefined || y === null || y === undefined) return null;
  return { x: plot.valToPos(x, "x", true), y: plot.valToPos(y, "y", true) };
}

/** An upright line at each, with its label at the top, below others that are in its way. */
function drawMarks(plot: uPlot, marks: readonly ChartMark[], font: string, colorOf: ColorOf): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = scaledFont(font);
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  ctx.strokeStyle = colorOf("--edge");
  ctx.fillStyle = colorOf("--muted");
  ctx.lineWidth = ratio;
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  const right = bbox.left + bbox.width;
  const placed = marks.flatMap(({ x, label }) => {
    const at = plot.valToPos(x, "x", true);
    if (!(at >= bbox.left && at <= right)) return [];
    const width = ctx.measureText(label).width;
    const left = at + 5 * ratio + width <= right ? at + 5 * ratio : at - 5 * ratio - width;
    return [{ at, label, left, right: left + width }];
  });
  const rows = rowsOfLabels(placed);
  for (const [index, { at, label, left }] of placed.entries()) {
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillText(label, left, bbox.top + (2 + rows[index] * LABEL_GAP) * ratio);
  }
  ctx.restore();
}

function drawMarkers(plot: uPlot, lines: readonly NamedLine[], colorOf: ColorOf): void {
  const { ctx } = plot;
  const numPoints = plot.data[0].length;
  const step = Math.max(1, Math.floor(numPoints / NUM_MARKERS));
  ctx.save();
  for (const [index, { style }] of lines.entries()) {
    if (!style.marker) continue;
    const outline = new Path2D(markerPath(style.marker, MARKER_RADIUS));
    // Lines that lie upon each other show their markers beside each other.
    const first = Math.floor((step * (index + 1)) / (lines.length + 1));
    for (let point = first; point < numPoints; point += step) {
      const at = pointAt(plot, index, point);
      if (!at) continue;
      ctx.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, at.x, at.y);
      ctx.fillStyle = colorOf("--paper");
      ctx.strokeStyle = colorOf(style.color);
      ctx.lineWidth = 1.5;
      ctx.setLineDash([]);
      ctx.fill(outline);
      ctx.stroke(outline);
    }
  }
  ctx.restore();
}

function drawLabels(plot: uPlot, lines: readonly NamedLine[], font: string, colorOf: ColorOf): void {
  const { ctx, bbox } = plot;
  const ends = lines.flatMap(({ label, style }, index) => {
    let point = plot.data[0].length - 1;
    while (point >= 0 && !pointAt(plot, index, point)) point--;
    const at = point < 0 ? null : pointAt(plot, index, point);
    return at ? [{ label, style, at }] : [];
  });
  const ratio = devicePixelRatio;
  const ys = spreadLabels(
    ends.map(({ at }) => at.y),
    LABEL_GAP * ratio,
    bbox.top + (LABEL_GAP / 2) * ratio,
    bbox.top + bbox.height - (LABEL_GAP / 2) * ratio,
  );
  ctx.save();
  ctx.font = scaledFont(font);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const [index, { label, style, at }] of ends.entries()) {
    ctx.fillStyle = colorOf(style.color);
    ctx.fillText(label, at.x + 8 * ratio, ys[index]);
  }
  ctx.restore();
}

function scaledFont(font: string): string {
  return font.replace(`${LABEL_FONT_SIZE}px`, `${LABEL_FONT_SIZE * devicePixelRatio}px`);
}

function widestLabel(lines: readonly ChartLine[], font: string): number {
  return widest(
    lines.map(({ label }) => label),
    font,
  );
}

function widestTick(values: readonly string[] | null, font: string): number {
  return widest(values ?? [], font);
}

let measuring: CanvasRenderingContext2D | null = null;

/** CSS pixels. */
function widest(texts: readonly string[], font: string): number {
  measuring ??= document.createElement("canvas").getContext("2d")!;
  measuring.font = font;
  return texts.reduce((width, text) => Math.max(width, measuring!.measureText(text).width), 0);
}
