// The weights to measure with: an exported model's own, or made-up ones of its shape in another format.

import { MANIFEST_FILE, parseManifest } from "../checkpoint/manifest.ts";
import type { ModelFiles } from "../checkpoint/model-files.ts";
import { createShardSource } from "../checkpoint/shard-source.ts";
import type { WeightFormat, WeightSource } from "../checkpoint/weight-source.ts";
import { createMadeUpSource } from "./made-up-source.ts";

export interface BenchmarkSource {
  readonly modelName: string;
  readonly source: WeightSource;
  readonly isMadeUp: boolean;
}

/** @param format of projections and experts; undefined: the model's own. Throws CheckpointError, and what reading throws. */
export async function openBenchmarkSource(files: ModelFiles, format?: WeightFormat): Promise<BenchmarkSource> {
  const manifest = parseManifest(await files.readJson(MANIFEST_FILE));
  const { name: modelName, config, tensors } = manifest;
  const ownFormat = tensors.find(({ name }) => name.endsWith("gate_up_proj"))!.format;
  if (format === undefined || format === ownFormat) {
    return { modelName, source: createShardSource(manifest, files), isMadeUp: false };
  }
  return { modelName, source: createMadeUpSource(config, format), isMadeUp: true };
}
