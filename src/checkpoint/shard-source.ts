// Weights from the shards of an exported model, fetched in order, each checked whole before a byte of it is used.

import { CheckpointError } from "./checkpoint-error.ts";
import { DownloadError } from "./download-error.ts";
import type { Manifest, ManifestShard } from "./manifest.ts";
import type { WeightSource } from "./weight-source.ts";

/** A file of the model's folder as a stream of bytes. Throws DownloadError. */
export type FetchFile = (name: string, signal?: AbortSignal) => Promise<ReadableStream<Uint8Array>>;

export interface ShardSourceOptions {
  /** Bytes that have arrived in this pass over the shards, of all. */
  readonly onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
}

/** Reading in the order of `tensors` fetches each shard once, the next one while one is used: two are in memory at most. */
export function createShardSource(
  manifest: Manifest,
  fetchFile: FetchFile,
  { onProgress }: ShardSourceOptions = {},
): WeightSource {
  const { shards } = manifest;
  const starts = shards.map((_, index) => shards.slice(0, index).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const totalBytes = shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const fetched = new Map<number, Promise<Uint8Array>>();

  const fetchShard = (index: number, signal?: AbortSignal): Promise<Uint8Array> => {
    let shard = fetched.get(index);
    if (!shard) {
      const onBytes = (bytes: number) => onProgress?.(starts[index]! + bytes, totalBytes);
      shard = readShard(shards[index]!, fetchFile, onBytes, signal);
      // A failure is told to whoever waits for the shard; the next read tries again.
      shard.catch(() => fetched.delete(index));
      fetched.set(index, shard);
    }
    return shard;
  };

  return {
    config: manifest.config,
    tensors: new Map(manifest.tensors.map((tensor) => [tensor.name, tensor])),
    async *read(name, signal) {
      const tensor = manifest.tensors.find((candidate) => candidate.name === name);
      if (!tensor) throw new RangeError(`${name}: expected a tensor of the manifest, got none`);
      const end = tensor.offset + tensor.sizeBytes;
      for (const [index, start] of starts.entries()) {
        const shardEnd = start + shards[index]!.sizeBytes;
        if (shardEnd <= tensor.offset || start >= end) continue;
        for (const other of fetched.keys()) if (other !== index && other !== index + 1) fetched.delete(other);
        const bytes = await fetchShard(index, signal);
        if (index + 1 < shards.length) void fetchShard(index + 1, signal).catch(() => undefined);
        yield bytes.subarray(Math.max(tensor.offset, start) - start, Math.min(end, shardEnd) - start);
      }
    },
  };
}

async function readShard(
  { file, sizeBytes, sha256 }: ManifestShard,
  fetchFile: FetchFile,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes);
  let length = 0;
  const reader = (await fetchFile(file, signal)).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (length + part.value.length > sizeBytes) {
      await reader.cancel();
      throw new DownloadError(`${file}: expected ${sizeBytes} bytes, got more`);
    }
    bytes.set(part.value, length);
    length += part.value.length;
    onBytes(length);
  }
  if (length !== sizeBytes) throw new DownloadError(`${file}: expected ${sizeBytes} bytes, got ${length}`);
  const digest = await hashHex(bytes);
  if (digest !== sha256) throw new CheckpointError(file, "SHA-256", `expected ${sha256}, got ${digest}`);
  return bytes;
}

/** SHA-256 in hexadecimal. */
export async function hashHex(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
