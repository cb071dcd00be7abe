// The files of a model's folder over the network.

import { DownloadError } from "../checkpoint/download-error.ts";
import { expectWhole } from "../checkpoint/hashed-file.ts";
import { type ModelFiles, parseJson, type ReadOptions } from "../checkpoint/model-files.ts";

/** `folderUrl` ends in a slash. Throws DownloadError and CheckpointError. */
export function fetchFromUrl(folderUrl: string): ModelFiles {
  return {
    read: async (file, options = {}) => {
      const bytes = await fetchBytes(new URL(file.file, folderUrl), file.file, options);
      await expectWhole(file, bytes);
      return bytes;
    },
    readJson: async (name, signal) => parseJson(name, await fetchBytes(new URL(name, folderUrl), name, { signal })),
  };
}

async function fetchBytes(url: URL, name: string, { signal, onBytes }: ReadOptions): Promise<Uint8Array> {
  const response = await fetch(url, signal ? { signal } : {}).catch((cause: unknown) => {
    throw new DownloadError(`${name}: expected an answer from ${url.host}, got none`, { cause });
  });
  if (!response.ok || !response.body) {
    throw new DownloadError(`${name}: expected status 200, got ${response.status}`);
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body.getReader();
  const next = () =>
    reader.read().catch((cause: unknown) => {
      if (signal?.aborted) throw cause;
      throw new DownloadError(`${name}: expected the whole file, got ${length} bytes and an error`, { cause });
    });
  for (let part = await next(); !part.done; part = await next()) {
    parts.push(part.value);
    length += part.value.length;
    onBytes?.(length);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
