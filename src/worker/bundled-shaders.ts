// WGSL texts bundled into the worker's script.

import type { ShaderTexts } from "../gpu/session.ts";

const PATH_PREFIX = "../../shaders/";

const files: Record<string, string> = import.meta.glob("../../shaders/**/*.wgsl", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const bundledShaders: ShaderTexts = new Map(
  Object.entries(files).map(([path, text]) => [path.slice(PATH_PREFIX.length, -".wgsl".length), text]),
);
