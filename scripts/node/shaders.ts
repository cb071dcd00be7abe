// WGSL texts from `shaders/`, for scripts and tests; the worker has them bundled.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ShaderTexts } from "../../src/gpu/session.ts";

const SHADER_FOLDER = fileURLToPath(new URL("../../shaders/", import.meta.url));

/** All shader files by path below `shaders/`, without the suffix. */
export function readShaders(): ShaderTexts {
  const paths = readdirSync(SHADER_FOLDER, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".wgsl"));
  return new Map(paths.map((path) => [path.slice(0, -".wgsl".length), readFileSync(SHADER_FOLDER + path, "utf8")]));
}
