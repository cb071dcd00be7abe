// `npm run bundle -- <folder>`: what measures and tests the engine on another machine, in one folder that needs nothing
// but Node and a GPU driver there: `node <folder>/scripts/measure.js`.

import { cp, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "vite";

const USAGE = `usage: npm run bundle -- <folder> [--without-model] [--platform linux-x64]

The folder is made anew: the commands, the kernels and their tests, Dawn, and the models. There:

  node <folder>/scripts/measure.js [--out <folder>]   agreement with what is known, then the benchmark
  node <folder>/scripts/bench.js --help               the benchmark alone
  node <folder>/scripts/long-read.js --help           a text of a million tokens
  node <folder>/scripts/compare.js --help             models that differ in attention, on one text
  node <folder>/scripts/needle.js --help              what a model finds in long texts
  node <folder>/scripts/bundle/parity.js              the kernels' and the engine's tests`;

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const MODELS = ["relampago-71m", "twin-hybrid", "twin-lightning", "twin-softmax"].map(
  (name) => `public/models/${name}`,
);
const FIXTURES = ["golden-tiny", "golden-fused", "golden-original", "golden-wide", "relampago-71m"];
/** Scripts by their path in the bundle. Modules keep their paths, since some find folders beside themselves. */
const COMMANDS = ["measure", "bench", "long-read", "compare", "needle", "verify", "chat", "bundle/parity"].map(
  (name) => `scripts/${name}`,
);

async function bundle(folder: string, platform: string, withModels: boolean): Promise<void> {
  const dawn = join("node_modules/webgpu/dist", platform);
  await stat(join(ROOT, dawn)).catch((cause: unknown) => {
    throw new TypeError(`--platform: expected a folder of node_modules/webgpu/dist, got ${platform}`, { cause });
  });
  await rm(folder, { recursive: true, force: true });
  await build({
    configFile: false,
    root: ROOT,
    logLevel: "warn",
    publicDir: false,
    resolve: { alias: { vitest: join(ROOT, "scripts/bundle/vitest-stand-in.ts") } },
    ssr: { noExternal: true, external: ["webgpu", "vite", "playwright-core"], target: "node" },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: true,
      target: "node20",
      minify: false,
      rollupOptions: {
        input: Object.fromEntries(COMMANDS.map((command) => [command, join(ROOT, `${command}.ts`)])),
        output: { preserveModules: true, preserveModulesRoot: ROOT, entryFileNames: "[name].js", format: "es" },
      },
    },
  });
  await writeFile(join(folder, "package.json"), `${JSON.stringify({ type: "module" })}\n`);
  const copied = [
    "shaders",
    dawn,
    "node_modules/webgpu/package.json",
    "node_modules/webgpu/index.js",
    ...FIXTURES.map((name) => `tests/fixtures/${name}`),
    ...(withModels ? MODELS : []),
  ];
  for (const path of copied) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await cp(join(ROOT, path), join(folder, path), { recursive: true });
  }
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "without-model": { type: "boolean", default: false },
      platform: { type: "string", default: `${process.platform}-${process.arch}` },
    },
  });
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) throw new TypeError(USAGE);
  await bundle(resolve(folder), values.platform, !values["without-model"]);
  console.log(`there: node ${folder}/scripts/measure.js`);
} catch (error) {
  console.error(error instanceof TypeError ? error.message : error);
  process.exit(1);
}
