// The golden models of tests/fixtures and the values that Transformers computes for them.

import { fileURLToPath } from "node:url";
import { openFolder } from "../../scripts/node/files.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import { createHfSource } from "../../src/checkpoint/hf-source.ts";
import { readNumbers, readSafetensors, type SafetensorsTensor } from "../../src/checkpoint/safetensors.ts";
import type { WeightFormat, WeightSource } from "../../src/checkpoint/weight-source.ts";
import { readReferenceWeights, type ReferenceWeights } from "../../src/reference/weights.ts";

export { largestError } from "../../src/reference/compare.ts";

export interface GoldenPrompt {
  readonly ids: Int32Array;
  /** `hidden.L`, `router.L` and `logits`, a row for each token. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

export interface Golden {
  readonly weights: ReferenceWeights;
  readonly source: WeightSource;
  readonly prompts: readonly GoldenPrompt[];
  /** The first 12 ids of prompt 0 and what greedy decoding adds. */
  readonly greedy: Int32Array;
}

/** A checkpoint among the fixtures as a weight source. */
export async function openFixture(name: string, quant: WeightFormat = "f32"): Promise<WeightSource> {
  return createHfSource(await openHfCheckpoint(openFolder(fixtureFolder(name))), quant);
}

/** All tensors of a fixture's golden.safetensors. */
export async function readGoldenTensors(name: string): Promise<ReadonlyMap<string, Float32Array>> {
  const file = await openFolder(fixtureFolder(name))("golden.safetensors");
  if (!file) throw new Error(`tests/fixtures/${name}/golden.safetensors: expected the file, got none`);
  const tensors = new Map<string, Float32Array>();
  for (const tensor of (await readSafetensors(file)).values()) tensors.set(tensor.name, await readWhole(tensor));
  return tensors;
}

/** `name`: a folder of tests/fixtures, e.g. `golden-tiny`. */
export async function readGolden(name: string): Promise<Golden> {
  const source = await openFixture(name);
  const all = await readGoldenTensors(name);
  const prompts: GoldenPrompt[] = [];
  for (let prompt = 0; all.has(`${prompt}.ids`); prompt++) {
    const own = [...all].filter(([key]) => /^\d+\.(hidden|router|logits)/.test(key) && key.startsWith(`${prompt}.`));
    prompts.push({
      ids: Int32Array.from(all.get(`${prompt}.ids`)!),
      tensors: new Map(own.map(([key, values]) => [key.slice(key.indexOf(".") + 1), values])),
    });
  }
  const greedy = Int32Array.from(all.get("0.greedy")!);
  return { weights: await readReferenceWeights(source), source, prompts, greedy };
}

function fixtureFolder(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}/`, import.meta.url));
}

function readWhole(tensor: SafetensorsTensor): Promise<Float32Array> {
  return readNumbers(
    tensor,
    0,
    tensor.shape.reduce((product, length) => product * length, 1),
  );
}
