// Small exported models to load, in versions.

import { createHash } from "node:crypto";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import type { HashedFile } from "../../src/checkpoint/hashed-file.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import { type Manifest, MANIFEST_FILE, parseManifest } from "../../src/checkpoint/manifest.ts";
import { makeCheckpoint, openMade } from "../checkpoint/made-checkpoint.ts";

const NUM_SHARDS = 4;

let weights = new Uint8Array(0);
const { manifest: converted } = await convertCheckpoint(
  await openHfCheckpoint(openMade(makeCheckpoint())),
  (_name, bytes) => {
    weights = bytes.slice();
    return Promise.resolve();
  },
  { quant: "q4" },
);

export interface MadeModel {
  readonly manifest: Manifest;
  /** By name, as they lie in the folder. */
  readonly files: Map<string, Uint8Array>;
  /** Shards and tokenizer files, in the order in which they are read. */
  readonly hashed: readonly HashedFile[];
}

/** Two versions share their first shard and nothing else. */
export function makeModel(version: number): MadeModel {
  const shardBytes = Math.ceil(weights.length / NUM_SHARDS);
  const bytes = weights.map((byte, index) => (index < shardBytes ? byte : (byte + version) % 256));
  const files = new Map<string, Uint8Array>();
  for (let shard = 0; shard < NUM_SHARDS; shard++) {
    files.set(`weights-${shard + 1}.bin`, bytes.slice(shard * shardBytes, (shard + 1) * shardBytes));
  }
  const shards = [...files.keys()].map(describe);
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    files.set(name, encodeJson({ name, version }));
  }
  function describe(file: string): HashedFile {
    const content = files.get(file)!;
    return { file, sizeBytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
  }
  const tokenizer = { file: "tokenizer.json", configFile: "tokenizer_config.json" };
  const known = Object.values(tokenizer).map(describe);
  const json = { ...converted, shards, name: `made ${version}`, tokenizer, files: known, card: null };
  files.set(MANIFEST_FILE, encodeJson(json));
  return { manifest: parseManifest(JSON.parse(JSON.stringify(json))), files, hashed: [...shards, ...known] };
}

function encodeJson(json: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json));
}
