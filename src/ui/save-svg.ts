// Pictures of the page that are SVG, saved as one PNG, each below its title.

import { saveFile } from "./charts/chart-picture.ts";

const SCALE = 2;
const GAP = 24;
const TITLE_HEIGHT = 24;

/** In the colours of the page as it is. Rejects when the browser cannot draw them. */
export async function saveSvg(
  pictures: ArrayLike<SVGSVGElement> & Iterable<SVGSVGElement>,
  titles: readonly string[],
  fileName: string,
): Promise<void> {
  const all = [...pictures];
  const boxes = all.map((picture) => picture.getBoundingClientRect());
  const style = getComputedStyle(document.body);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d")!;
  canvas.width = SCALE * Math.max(...boxes.map(({ width }) => width + 2 * GAP));
  canvas.height = SCALE * boxes.reduce((sum, { height }) => sum + height + TITLE_HEIGHT + GAP, GAP);
  context.scale(SCALE, SCALE);
  context.fillStyle = style.getPropertyValue("--paper");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = `600 14px ${style.fontFamily}`;
  context.fillStyle = style.getPropertyValue("--ink");
  let top = GAP;
  for (const [index, picture] of all.entries()) {
    const { width, height } = boxes[index]!;
    context.fillText(titles[index] ?? "", GAP, top + TITLE_HEIGHT / 2);
    context.drawImage(await drawable(picture, width, height), GAP, top + TITLE_HEIGHT, width, height);
    top += height + TITLE_HEIGHT + GAP;
  }
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done));
  if (!blob) throw new Error(`${fileName}: expected a PNG, got none`);
  saveFile(fileName, blob);
}

/** Alone, an SVG knows nothing of the page: its colours and font are written into it. */
async function drawable(picture: SVGSVGElement, width: number, height: number): Promise<HTMLImageElement> {
  const copy = picture.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const style = getComputedStyle(picture);
  copy.setAttribute("style", `font: ${style.fontSize} ${style.fontFamily}; fill: ${style.fill}`);
  const text = new XMLSerializer()
    .serializeToString(copy)
    .replace(/var\((--[\w-]+)\)/g, (_, name: string) => style.getPropertyValue(name).trim());
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  return image;
}
