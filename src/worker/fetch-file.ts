// The files of a model's folder over the network.

import { DownloadError } from "../checkpoint/download-error.ts";
import type { FetchFile } from "../checkpoint/shard-source.ts";

/** `folderUrl` ends in a slash. */
export function fetchFromUrl(folderUrl: string): FetchFile {
  return async (name, signal) => {
    const url = new URL(name, folderUrl);
    const response = await fetch(url, signal ? { signal } : {}).catch((cause: unknown) => {
      throw new DownloadError(`${name}: expected an answer from ${url.host}, got none`, { cause });
    });
    if (!response.ok || !response.body) {
      throw new DownloadError(`${name}: expected status 200, got ${response.status}`);
    }
    return response.body;
  };
}
