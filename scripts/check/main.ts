// The part of `npm run check` that no linter knows: shaders, file names, lengths.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { checkFileName, checkLength } from "./files.ts";
import { checkShader } from "./shaders.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const FOLDERS = ["src", "shaders", "scripts", "tests"];

function readText(path: string): string | undefined {
  const file = join(ROOT, path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

const paths = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
)
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /\.(tsx?|wgsl|css)$/.test(path));
const kernels = paths.flatMap((path) => /^shaders\/(\w+)\.wgsl$/.exec(path)?.[1] ?? []);

const problems = [...kernels.flatMap((name) => checkShader(name, readText)), ...paths.flatMap(checkFileName)];
const warnings = paths.flatMap((path) => checkLength(path, readText(path)!));

for (const warning of warnings) console.warn(`warning: ${warning}`);
for (const problem of problems) console.error(problem);
console.log(`${kernels.length} kernels and ${paths.length} files checked: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
