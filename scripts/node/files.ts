// Checkpoint files on a disk.

import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ByteSource } from "../../src/checkpoint/byte-source.ts";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { expectWhole } from "../../src/checkpoint/hashed-file.ts";
import type { OpenFile } from "../../src/checkpoint/hf-checkpoint.ts";
import { type ModelFiles, parseJson } from "../../src/checkpoint/model-files.ts";

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

/** The files of an exported model's folder. */
export function openModelFolder(folder: string): ModelFiles {
  const readWhole = (name: string): Promise<Uint8Array> =>
    readFile(join(folder, name)).catch((cause: NodeJS.ErrnoException) => {
      const got = cause.code === "ENOENT" ? "none" : cause.message;
      throw new CheckpointError(join(folder, name), "", `expected the file, got ${got}`, { cause });
    });
  return {
    read: async (file, { onBytes } = {}) => {
      const bytes = await readWhole(file.file);
      await expectWhole(file, bytes);
      onBytes?.(bytes.length);
      return bytes;
    },
    readJson: async (name) => parseJson(name, await readWhole(name)),
  };
}
