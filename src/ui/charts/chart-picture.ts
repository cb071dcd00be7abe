// A chart as a picture: its title and its legend above what uPlot has drawn. And how the page hands out a file.

import type { ChartLine } from "./chart-table.ts";
import { markerPath, styleOf } from "./line-looks.ts";

const MARGIN = 20;
const LINE_HEIGHT = 22;
const SAMPLE_WIDTH = 32;

/** A PNG in the colours of the page as it is; the canvas is uPlot's. */
export function drawPicture(
  plot: HTMLCanvasElement,
  title: string,
  yLabel: string,
  xLabel: string,
  lines: readonly ChartLine[],
): Promise<Blob> {
  const style = getComputedStyle(plot);
  const colorOf = (property: string): string => style.getPropertyValue(property).trim();
  const ratio = devicePixelRatio;
  const picture = document.createElement("canvas");
  const context = picture.getContext("2d")!;
  const headHeight = LINE_HEIGHT * (lines.length + 2) + 2 * MARGIN;
  picture.width = plot.width + 2 * MARGIN * ratio;
  picture.height = plot.height + (headHeight + LINE_HEIGHT + MARGIN) * ratio;
  context.fillStyle = colorOf("--paper");
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(plot, MARGIN * ratio, headHeight * ratio);
  context.scale(ratio, ratio);
  context.textBaseline = "middle";
  context.fillStyle = colorOf("--ink");
  context.font = `600 16px ${style.fontFamily}`;
  context.fillText(title, MARGIN, MARGIN + LINE_HEIGHT / 2);
  context.font = `13px ${style.fontFamily}`;
  for (const [index, { label, look, kind }] of lines.entries()) {
    const { color, dash, width, marker } = styleOf(look, kind);
    const y = MARGIN + LINE_HEIGHT * (index + 1.6);
    context.strokeStyle = colorOf(color);
    context.lineWidth = width;
    context.setLineDash([...dash]);
    context.stroke(new Path2D(`M${MARGIN} ${y}H${MARGIN + SAMPLE_WIDTH}`));
    context.setLineDash([]);
    if (marker) {
      context.save();
      context.translate(MARGIN + SAMPLE_WIDTH / 2, y);
      const outline = new Path2D(markerPath(marker, 4));
      context.fillStyle = colorOf("--paper");
      context.fill(outline);
      context.lineWidth = 1.5;
      context.stroke(outline);
      context.restore();
    }
    context.fillStyle = colorOf("--ink");
    context.fillText(label, MARGIN + SAMPLE_WIDTH + 10, y);
  }
  context.fillStyle = colorOf("--muted");
  context.fillText(yLabel, MARGIN, headHeight - LINE_HEIGHT / 2);
  context.textAlign = "right";
  context.fillText(xLabel, picture.width / ratio - MARGIN, picture.height / ratio - MARGIN);
  return new Promise((resolve, reject) => {
    picture.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("picture: expected a PNG, got none"))));
  });
}

/** Hands a file to the person, as a download. */
export function saveFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the file by then; Safari needs the address a little longer than the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
