// Relampago's own model, from the comparison's server.

import { expectWhole } from "../../../src/checkpoint/hashed-file.ts";
import { type Manifest, MANIFEST_FILE, parseManifest } from "../../../src/checkpoint/manifest.ts";
import { type ModelFiles, parseJson } from "../../../src/checkpoint/model-files.ts";
import { MODEL_PATH } from "./peer.ts";

export const servedFiles: ModelFiles = {
  read: async (file) => {
    const bytes = await fetchBytes(file.file);
    await expectWhole(file, bytes);
    return bytes;
  },
  readJson: async (name) => parseJson(name, await fetchBytes(name)),
};

export async function readServedManifest(): Promise<Manifest> {
  return parseManifest(await servedFiles.readJson(MANIFEST_FILE));
}

async function fetchBytes(name: string): Promise<Uint8Array> {
  const response = await fetch(MODEL_PATH + name);
  if (!response.ok) throw new Error(`${name}: expected status 200, got ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
