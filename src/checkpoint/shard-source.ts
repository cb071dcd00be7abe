// Weights from the shards of an exported model, fetched in order, each checked whole before a byte of it is used.

import { CheckpointError } from "./checkpoint-error.ts";
import { DownloadError } from "./download-error.ts";
import type { Manifest, ManifestShard, ManifestTensor } from "./manifest.ts";
import type { WeightSource } from "./weight-source.ts";

/** A file of the model's folder as a stream of bytes. Throws DownloadError. */
export type FetchFile = (name: string, signal?: AbortSignal) => Promise<ReadableStream<Uint8Array>>;

export interface ShardSourceOptions {
  /** Bytes that have arrived in this pass over the shards, of all. */
  readonly onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
}

interface FetchedShard {
  readonly bytes: Promise<Uint8Array>;
  /** Of the reader that it was fetched for. */
  readonly signal: AbortSignal | undefined;
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
  const lastEnd = Math.max(...manifest.tensors.map(({ offset, sizeBytes }) => offset + sizeBytes));
  const fetched = new Map<number, FetchedShard>();

  const fetchShard = (index: number, signal?: AbortSignal): Promise<Uint8Array> => {
    const known = fetched.get(index);
    // One whose reader gave up may be about to fail for that reason.
    if (known && !known.signal?.aborted) return known.bytes;
    const onBytes = (length: number) => onProgress?.(starts[index]! + length, totalBytes);
    const bytes = readShard(shards[index]!, fetchFile, onBytes, signal);
    fetched.set(index, { bytes, signal });
    // A failure is told to whoever waits for the shard; the next read tries again.
    bytes.catch(() => fetched.get(index)?.bytes === bytes && fetched.delete(index));
    return bytes;
  };

  async function* readParts({ offset, sizeBytes }: ManifestTensor, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const end = offset + sizeBytes;
    for (const [index, start] of starts.entries()) {
      const shardEnd = start + shards[index]!.sizeBytes;
      if (shardEnd <= offset || start >= end) continue;
      signal?.throwIfAborted();
      for (const other of fetched.keys()) if (other !== index && other !== index + 1) fetched.delete(other);
      const bytes = await fetchShard(index, signal);
      if (index + 1 < shards.length) void fetchShard(index + 1, signal).catch(() => undefined);
      yield bytes.subarray(Math.max(offset, start) - start, Math.min(end, shardEnd) - start);
    }
    if (end === lastEnd) fetched.clear();
  }

  return {
    config: manifest.config,
    tensors: new Map(manifest.tensors.map((tensor) => [tensor.name, tensor])),
    async *read(name, signal) {
      const tensor = manifest.tensors.find((candidate) => candidate.name === name);
      if (!tensor) throw new RangeError(`${name}: expected a tensor of the manifest, got none`);
      yield* joinWords(readParts(tensor, signal));
    },
  };
}

/** The same bytes in chunks of whole 4-byte words, as a GPU takes them: shards are cut at any byte. */
async function* joinWords(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = new Uint8Array(0);
  for await (const part of parts) {
    const missing = Math.min((4 - (rest.length % 4)) % 4, part.length);
    rest = Uint8Array.of(...rest, ...part.subarray(0, missing));
    if (rest.length % 4 !== 0) continue;
    if (rest.length > 0) yield rest;
    const wholeEnd = part.length - ((part.length - missing) % 4);
    if (wholeEnd > missing) yield part.subarray(missing, wholeEnd);
    rest = part.slice(wholeEnd);
  }
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
  const next = () =>
    reader.read().catch((cause: unknown) => {
      if (signal?.aborted) throw cause;
      throw new DownloadError(`${file}: expected ${sizeBytes} bytes, got ${length} and an error`, { cause });
    });
  for (let part = await next(); !part.done; part = await next()) {
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
