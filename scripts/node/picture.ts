// Pictures of what a script found: SVG, which a Chromium turns into a PNG.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findChromium } from "./chromium.ts";

export interface Picture {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** False: there is no Chromium to draw with. Throws when there is one and it fails. */
export function savePicture({ svg, width, height }: Picture, path: string): boolean {
  const chromium = findChromium();
  if (!chromium) return false;
  const folder = mkdtempSync(join(tmpdir(), "relampago-picture-"));
  try {
    const file = join(folder, "picture.html");
    writeFileSync(file, `<!doctype html><meta charset="utf-8"><style>body{margin:0}svg{display:block}</style>${svg}`);
    rmSync(path, { force: true });
    const { stderr } = spawnSync(
      chromium,
      [
        ...["--headless", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=2", "--disable-gpu"],
        ...[`--user-data-dir=${folder}`, `--window-size=${width},${height}`, `--screenshot=${resolve(path)}`],
        `file://${file}`,
      ],
      { encoding: "utf8" },
    );
    if (!existsSync(path)) throw new Error(`${path}: expected a picture from Chromium, got none: ${stderr.trim()}`);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
