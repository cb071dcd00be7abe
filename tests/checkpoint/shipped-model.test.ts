import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openModelFolder } from "../../scripts/node/files.ts";
import { parseManifest } from "../../src/checkpoint/manifest.ts";
import { decodeRows } from "../../src/checkpoint/quantize.ts";
import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import { readAll, sizeOf } from "./made-checkpoint.ts";

/** What the trained context and the rotation of each are. */
const MODELS = {
  "relampago-71m": { trainedContextLength: 2048, rotaryFrequencies: 16 },
  "twin-hybrid": { trainedContextLength: 512, rotaryFrequencies: 16 },
  "twin-lightning": { trainedContextLength: 512, rotaryFrequencies: 16 },
  "twin-softmax": { trainedContextLength: 512, rotaryFrequencies: 16 },
};

it.each(Object.entries(MODELS))("%s is whole: manifest, shards, tokenizer and card", async (name, config) => {
  const folder = join(import.meta.dirname, "../../public/models", name);
  const manifest = parseManifest(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")));
  expect(manifest).toMatchObject({
    name,
    card: "README.md",
    config: { ...config, ropeTheta: 1e14, endTokenIds: [2] },
    sampling: { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05 },
  });
  expect(readFileSync(join(folder, manifest.card!)).length).toBeGreaterThan(0);
  const { file, configFile } = manifest.tokenizer!;
  expect(manifest.files.map((known) => known.file)).toEqual([file, configFile]);
  for (const known of manifest.files) await openModelFolder(folder).read(known);
  const source = createShardSource(manifest, openModelFolder(folder));
  for (const { name, format, shape } of source.tensors.values()) {
    const numColumns = shape.at(-1)!;
    const values = decodeRows(format, await readAll(source.read(name)), sizeOf(shape) / numColumns, numColumns);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest, name).toBeGreaterThan(0);
    expect(largest, name).toBeLessThan(1000);
  }
});
