// Weights from the shards of an exported model, read in order, each whole before a byte of it is used.

import type { Manifest, ManifestTensor } from "./manifest.ts";
import type { ModelFiles } from "./model-files.ts";
import type { WeightSource } from "./weight-source.ts";

export interface ShardSourceOptions {
  /** Bytes that have arrived in this pass over the shards, of all. */
  readonly onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
}

interface ShardInMemory {
  readonly bytes: Promise<Uint8Array>;
  /** Of the reader that it is read for. */
  readonly signal: AbortSignal | undefined;
}

/** Reading in the order of `tensors` reads each shard once, the next one while one is used: two are in memory at most. */
export function createShardSource(
  manifest: Manifest,
  files: Pick<ModelFiles, "read">,
  { onProgress }: ShardSourceOptions = {},
): WeightSource {
  const { shards } = manifest;
  const starts = shards.map((_, index) => shards.slice(0, index).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const totalBytes = shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const lastEnd = Math.max(...manifest.tensors.map(({ offset, sizeBytes }) => offset + sizeBytes));
  const inMemory = new Map<number, ShardInMemory>();

  const readShard = (index: number, signal?: AbortSignal): Promise<Uint8Array> => {
    const known = inMemory.get(index);
    // One whose reader gave up may be about to fail for that reason.
    if (known && !known.signal?.aborted) return known.bytes;
    const onBytes = (arrivedBytes: number) => onProgress?.(starts[index]! + arrivedBytes, totalBytes);
    const bytes = files.read(shards[index]!, { signal, onBytes });
    inMemory.set(index, { bytes, signal });
    // A failure is told to whoever waits for the shard; the next read tries again.
    bytes.catch(() => inMemory.get(index)?.bytes === bytes && inMemory.delete(index));
    return bytes;
  };

  async function* readParts({ offset, sizeBytes }: ManifestTensor, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const end = offset + sizeBytes;
    for (const [index, start] of starts.entries()) {
      const shardEnd = start + shards[index]!.sizeBytes;
      if (shardEnd <= offset || start >= end) continue;
      signal?.throwIfAborted();
      for (const other of inMemory.keys()) if (other !== index && other !== index + 1) inMemory.delete(other);
      const bytes = await readShard(index, signal);
      if (index + 1 < shards.length) void readShard(index + 1, signal).catch(() => undefined);
      yield bytes.subarray(Math.max(offset, start) - start, Math.min(end, shardEnd) - start);
    }
    if (end === lastEnd) inMemory.clear();
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
