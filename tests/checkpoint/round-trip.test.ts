import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../scripts/node/files.ts";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import { parseManifest } from "../../src/checkpoint/manifest.ts";
import { decodeRows } from "../../src/checkpoint/quantize.ts";
import { readNumbers, readSafetensors, type SafetensorsTensor } from "../../src/checkpoint/safetensors.ts";
import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import type { WeightFormat, WeightSource } from "../../src/checkpoint/weight-source.ts";
import { readAll, sizeOf } from "./made-checkpoint.ts";
import { readFrom } from "./memory-files.ts";

function openFixture(name: string) {
  return openFolder(join(import.meta.dirname, "../fixtures", name));
}

async function exportAndLoad(name: string, quant: WeightFormat): Promise<WeightSource> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const write = (file: string, bytes: Uint8Array) => Promise.resolve(void files.set(file, bytes.slice()));
  const { manifest } = await convertCheckpoint(await openHfCheckpoint(openFixture(name)), write, { quant });
  const json: unknown = JSON.parse(JSON.stringify({ ...manifest, name, tokenizer: null, card: null }));
  return createShardSource(parseManifest(json), readFrom(files));
}

/** The checkpoint's own numbers, by the names of its files. */
async function readStored(name: string, fileNames: readonly string[]): Promise<Map<string, Float32Array>> {
  const tensors: SafetensorsTensor[] = [];
  for (const file of fileNames) tensors.push(...(await readSafetensors((await openFixture(name)(file))!)).values());
  const values = new Map<string, Float32Array>();
  for (const tensor of tensors) values.set(tensor.name, await readNumbers(tensor, 0, sizeOf(tensor.shape)));
  return values;
}

/** Which of the checkpoint's tensors follow each other in an exported one, where experts are stored apart. */
function storedNames(exported: string, numExperts: number): string[] {
  const experts = (layer: string, ...matrices: string[]) => {
    const numbers = Array.from({ length: numExperts }, (_, expert) => expert);
    return numbers.flatMap((expert) =>
      matrices.map((matrix) => `${layer}.block_sparse_moe.experts.${expert}.${matrix}.weight`),
    );
  };
  const [layer, mlp] = exported.split(".mlp.") as [string, string | undefined];
  if (mlp === undefined) return [exported];
  if (mlp === "gate.weight") return [`${layer}.block_sparse_moe.gate.weight`];
  return mlp === "experts.gate_up_proj" ? experts(layer, "w1", "w3") : experts(layer, "w2");
}

/** The largest error that the format allows in a group whose number of largest magnitude is `largest`. The step comes from the numbers, not from the stored scale, which is
 * an f16 and up to 2^-11 of itself away. */
function allowedError(format: WeightFormat, largest: number, value: number): number {
  if (format === "f32") return 0;
  if (format === "f16") return Math.abs(value) * 2 ** -11 + 2 ** -25;
  const step = format === "q8" ? Math.abs(largest) / 127 : Math.abs(largest) / 8;
  // q4 has 7 steps, not 8, on the side where the largest number is not.
  const isCut = format === "q4" && Math.sign(value) !== Math.sign(largest) && Math.abs(value) > 7.49 * step;
  return step * (isCut ? 1.005 : 0.5005);
}

describe.each([
  { name: "golden-fused", quant: "q4", dtype: "f16" },
  { name: "golden-fused", quant: "q8", dtype: "f16" },
  { name: "golden-wide", quant: "q4", dtype: "bf16" },
  { name: "golden-wide", quant: "q8", dtype: "bf16" },
  { name: "golden-wide", quant: "f16", dtype: "bf16" },
] as const)("$name, stored in $dtype, exported in $quant and loaded again", ({ name, quant }) => {
  let source: WeightSource;
  let stored: Map<string, Float32Array>;
  beforeAll(async () => {
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    stored = await readStored(name, name === "golden-fused" ? shards : ["model.safetensors"]);
    source = await exportAndLoad(name, quant);
  });

  it("has every number of the checkpoint, in its place, within half a step", async () => {
    const unused = new Set(stored.keys());
    for (const { name: exported, format, shape } of source.tensors.values()) {
      const numColumns = shape.at(-1)!;
      const names = stored.has(exported) ? [exported] : storedNames(exported, source.config.numExperts);
      const values = names.flatMap((part) => [...stored.get(part)!]);
      for (const part of names) unused.delete(part);
      const decoded = decodeRows(format, await readAll(source.read(exported)), sizeOf(shape) / numColumns, numColumns);
      expect(decoded.length, exported).toBe(values.length);
      const original = Float32Array.from(values);
      for (let first = 0; first < original.length; first += 32) {
        const group = original.subarray(first, first + 32);
        const largest = group.reduce((most, other) => (Math.abs(other) > Math.abs(most) ? other : most), 0);
        const wrong = group.findIndex((value, i) => {
          return !(Math.abs(decoded[first + i]! - value) <= allowedError(format, largest, value));
        });
        if (wrong >= 0)
          expect.fail(`${exported}: expected numbers within half a step, got another at ${first + wrong}`);
      }
    }
    expect([...unused], "tensors that were left out").toEqual([]);
  });
});
