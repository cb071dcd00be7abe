// Checkpoint files on a disk.

import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { ByteSource } from "../../src/checkpoint/byte-source.ts";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { DownloadError } from "../../src/checkpoint/download-error.ts";
import type { OpenFile } from "../../src/checkpoint/hf-checkpoint.ts";
import type { FetchFile } from "../../src/checkpoint/shard-source.ts";

/** The files of a folder, by name. */
export function openFolder(folder: string): OpenFile {
  return async (name) => {
    const path = join(folder, name);
    const status = await stat(path).catch(() => undefined);
    return status?.isFile() ? openFile(path, name, status.size) : undefined;
  };
}

function openFile(path: string, name: string, sizeBytes: number): ByteSource {
  return {
    name,
    sizeBytes,
    read: async (start, end) => {
      const file = await open(path);
      try {
        const bytes = new Uint8Array(end - start);
        for (let length = 0; length < bytes.length;) {
          const { bytesRead } = await file.read(bytes, length, bytes.length - length, start + length);
          if (bytesRead === 0) {
            throw new CheckpointError(name, "", `expected ${sizeBytes} bytes, got ${start + length}`);
          }
          length += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    },
  };
}

/** The files of an exported model's folder, as the page fetches them. */
export function fetchFromFolder(folder: string): FetchFile {
  return async (name) => {
    const stream = createReadStream(join(folder, name));
    await new Promise((resolve, reject) => stream.once("open", resolve).once("error", reject)).catch(
      (cause: unknown) => {
        throw new DownloadError(`${join(folder, name)}: expected the file, got none`, { cause });
      },
    );
    return Readable.toWeb(stream) as ReadableStream<Uint8Array>;
  };
}
