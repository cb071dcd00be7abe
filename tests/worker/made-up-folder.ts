// The folder of an exported model with made-up weights, in memory, and a network that serves it.

import { hashHex } from "../../src/checkpoint/hashed-file.ts";
import { type Manifest, MANIFEST_FILE, TENSOR_ALIGNMENT } from "../../src/checkpoint/manifest.ts";
import { numParametersOf } from "../../src/checkpoint/tensor-plan.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../gpu/made-up-model.ts";
import { tokenizerConfigJson, tokenizerJson } from "../text/fixtures.ts";

export const MODEL_URL = "https://model.test/made-up/";
const SHARD_BYTES = 1 << 20;

/** Files by name. */
export type Folder = Map<string, Uint8Array<ArrayBuffer>>;

export function encodeJson(json: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(json));
}

export async function createFolder(): Promise<Folder> {
  const source = createMadeUpSource(MADE_UP_CONFIG, createMadeUpWeights(MADE_UP_CONFIG, 1));
  let totalBytes = 0;
  const tensors = [...source.tensors.values()].map((tensor) => {
    const offset = Math.ceil(totalBytes / TENSOR_ALIGNMENT) * TENSOR_ALIGNMENT;
    totalBytes = offset + tensor.sizeBytes;
    return { ...tensor, offset };
  });
  const bytes = new Uint8Array(totalBytes);
  for (const { name, offset } of tensors) for await (const chunk of source.read(name)) bytes.set(chunk, offset);

  const folder: Folder = new Map();
  const shards: Manifest["shards"][number][] = [];
  for (let start = 0; start < totalBytes; start += SHARD_BYTES) {
    const shard = bytes.slice(start, start + SHARD_BYTES);
    const file = `weights-${shards.length + 1}.bin`;
    shards.push({ file, sizeBytes: shard.length, sha256: await hashHex(shard) });
    folder.set(file, shard);
  }
  folder.set("tokenizer.json", encodeJson(tokenizerJson));
  folder.set("tokenizer_config.json", encodeJson(tokenizerConfigJson));
  const files = await Promise.all(
    ["tokenizer.json", "tokenizer_config.json"].map(async (file) => {
      const content = folder.get(file)!;
      return { file, sizeBytes: content.length, sha256: await hashHex(content) };
    }),
  );
  const manifest: Manifest = {
    formatVersion: 1,
    name: "made-up",
    numParameters: numParametersOf(MADE_UP_CONFIG),
    config: MADE_UP_CONFIG,
    sampling: { temperature: 0.7, topK: 40, topP: 0.9, minP: 0 },
    tensors,
    shards,
    tokenizer: { file: "tokenizer.json", configFile: "tokenizer_config.json" },
    files,
    card: null,
    recall: [],
  };
  folder.set(MANIFEST_FILE, encodeJson(manifest));
  return folder;
}

/** Answers as a static server does: the files of the folder, 404 for all others. */
export function serveFolder(folder: Folder): typeof fetch {
  return async (input) => {
    const [url] = String(input instanceof Request ? input.url : input).split("?") as [string];
    const file = url.startsWith(MODEL_URL) ? folder.get(url.slice(MODEL_URL.length)) : undefined;
    const headers = { "content-length": String(file?.length) };
    return file ? new Response(file, { headers }) : new Response("not found", { status: 404 });
  };
}
