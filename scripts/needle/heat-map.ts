// The picture of a needle test: depth downwards, length to the right, a cell for each with the share that was found. Drawn
// as SVG.

import type { Picture } from "../node/picture.ts";
import { type NeedleResult, type Share, shareOf } from "./needle-result.ts";

const CELL = { width: 76, height: 34 };
const MARGIN = { left: 84, top: 84, right: 32, bottom: 84 };
const FONT = "system-ui, 'Helvetica Neue', Arial, sans-serif";

export function drawHeatMap({ model, adapter, lengths, depths, answers, trainedContextLength }: NeedleResult): Picture {
  const width = MARGIN.left + lengths.length * CELL.width + MARGIN.right;
  const fullWidth = Math.max(width, 620);
  const height = MARGIN.top + depths.length * CELL.height + MARGIN.bottom;
  const parts: string[] = [];
  const text = (x: number, y: number, content: string, attributes = ""): void => {
    parts.push(`<text x="${x}" y="${y}" ${attributes}>${escape(content)}</text>`);
  };
  const xOf = (column: number): number => MARGIN.left + column * CELL.width;
  const yOf = (row: number): number => MARGIN.top + row * CELL.height;
  const total = shareOf(answers);
  text(24, 34, `Facts found by ${model}`, `font-size="18" font-weight="600"`);
  text(24, 58, `${total.right} of ${total.asked}, ${percent(total)}. Greedy answers, ${adapter}.`, `fill="#5b576b"`);
  for (const [column, length] of lengths.entries()) {
    for (const [row, depth] of depths.entries()) {
      const share = shareOf(answers.filter((answer) => answer.length === length && answer.depth === depth));
      const [x, y] = [xOf(column), yOf(row)];
      const fill = share.asked === 0 ? "#eeecf2" : colorOf(share.right / share.asked);
      parts.push(
        `<rect x="${x + 1}" y="${y + 1}" width="${CELL.width - 2}" height="${CELL.height - 2}" fill="${fill}"/>`,
      );
      const place = `text-anchor="middle" dominant-baseline="central"`;
      text(x + CELL.width / 2, y + CELL.height / 2, share.asked === 0 ? "" : percent(share), place);
    }
    const center = xOf(column) + CELL.width / 2;
    const share = shareOf(answers.filter((answer) => answer.length === length));
    text(center, yOf(depths.length) + 20, length.toLocaleString("en"), `text-anchor="middle"`);
    text(center, yOf(depths.length) + 38, percent(share), `text-anchor="middle" font-size="11" fill="#5b576b"`);
  }
  for (const [row, depth] of depths.entries()) {
    const y = yOf(row) + CELL.height / 2;
    text(MARGIN.left - 10, y, `${Math.round(100 * depth)} %`, `text-anchor="end" dominant-baseline="central"`);
  }
  const middle = yOf(0) + (depths.length * CELL.height) / 2;
  text(24, middle, "depth of the fact", `text-anchor="middle" transform="rotate(-90 24 ${middle})" fill="#5b576b"`);
  const trained = trainedContextLength === null ? "" : `; trained on ${trainedContextLength.toLocaleString("en")}`;
  text(MARGIN.left, height - 22, `tokens of text and question${trained}`, `fill="#5b576b"`);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${fullWidth}" height="${height}" font-family="${FONT}" ` +
    `font-size="13" fill="#1e1b2b"><rect width="100%" height="100%" fill="#ffffff"/>${parts.join("")}</svg>`;
  return { svg, width: fullWidth, height };
}

function percent({ right, asked }: Share): string {
  return asked === 0 ? "" : `${Math.round((100 * right) / asked)} %`;
}

/** From red by yellow to green, light enough for black text; the number in the cell says the same. */
function colorOf(share: number): string {
  const stops = [
    [236, 138, 128],
    [247, 219, 140],
    [128, 199, 154],
  ] as const;
  const [from, to] = share < 0.5 ? [stops[0], stops[1]] : [stops[1], stops[2]];
  const part = share < 0.5 ? share * 2 : share * 2 - 1;
  return `rgb(${from.map((value, index) => Math.round(value + (to[index]! - value) * part)).join(",")})`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
