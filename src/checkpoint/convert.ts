// The converter's core: a checkpoint in, shards and a manifest out, in one pass and little memory. Knows no file system.

import type { HfCheckpoint } from "./hf-checkpoint.ts";
import { createHfSource } from "./hf-source.ts";
import { type HashedFile, hashHex } from "./hashed-file.ts";
import { alignOffset, FORMAT_VERSION, type Manifest, type ManifestTensor, MAX_SHARD_BYTES } from "./manifest.ts";
import { formatOf, numParametersOf, type TensorKind } from "./tensor-plan.ts";
import type { WeightFormat } from "./weight-source.ts";

/** Writes one whole file of the exported model. */
export type WriteFile = (name: string, bytes: Uint8Array) => Promise<void>;

export interface ConvertOptions {
  readonly quant: WeightFormat;
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
}

/** What was written of one kind of tensor. */
export interface KindSummary {
  readonly kind: TensorKind;
  readonly format: WeightFormat;
  numTensors: number;
  sizeBytes: number;
  /** Largest |exported - original|, and the largest magnitude to judge it by. */
  largestError: number;
  largestMagnitude: number;
}

export interface Converted {
  readonly manifest: Omit<Manifest, "name" | "tokenizer" | "files" | "card" | "recall">;
  readonly kinds: readonly KindSummary[];
}

/** Writes the shards and gives what the manifest says of them. Throws CheckpointError; what was written is the caller's
 * to remove. */
export async function convertCheckpoint(
  checkpoint: HfCheckpoint,
  write: WriteFile,
  { quant, onProgress }: ConvertOptions,
): Promise<Converted> {
  const kinds = new Map<TensorKind, KindSummary>();
  const source = createHfSource(checkpoint, quant, ({ kind }, error, magnitude) => {
    const summary = kinds.get(kind)!;
    summary.largestError = Math.max(summary.largestError, error);
    summary.largestMagnitude = Math.max(summary.largestMagnitude, magnitude);
  });
  const totalBytes = [...source.tensors.values()].reduce((end, { sizeBytes }) => alignOffset(end) + sizeBytes, 0);
  const shards = new ShardWriter(write, totalBytes);
  const tensors: ManifestTensor[] = [];
  for (const { name, kind } of checkpoint.tensors) {
    const tensor = source.tensors.get(name)!;
    const summary = kinds.get(kind) ?? createSummary(kind, formatOf(kind, quant));
    summary.numTensors += 1;
    summary.sizeBytes += tensor.sizeBytes;
    kinds.set(kind, summary);
    await shards.append(new Uint8Array(alignOffset(shards.position) - shards.position));
    tensors.push({ ...tensor, offset: shards.position });
    for await (const bytes of source.read(name)) {
      await shards.append(bytes);
      onProgress?.(shards.position, totalBytes);
    }
  }
  await shards.close();
  const { config, sampling } = checkpoint;
  return {
    manifest: {
      formatVersion: FORMAT_VERSION,
      numParameters: numParametersOf(config),
      config,
      sampling,
      tensors,
      shards: shards.shards,
    },
    kinds: [...kinds.values()],
  };
}

function createSummary(kind: TensorKind, format: WeightFormat): KindSummary {
  return { kind, format, numTensors: 0, sizeBytes: 0, largestError: 0, largestMagnitude: 0 };
}

/** Cuts a stream of bytes into files of MAX_SHARD_BYTES. */
class ShardWriter {
  readonly shards: HashedFile[] = [];
  position = 0;
  readonly #write: WriteFile;
  readonly #shard: Uint8Array;
  #length = 0;

  constructor(write: WriteFile, totalBytes: number) {
    this.#write = write;
    this.#shard = new Uint8Array(Math.min(MAX_SHARD_BYTES, totalBytes));
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length;) {
      const part = bytes.subarray(start, start + this.#shard.length - this.#length);
      this.#shard.set(part, this.#length);
      this.#length += part.length;
      this.position += part.length;
      start += part.length;
      if (this.#length === this.#shard.length) await this.close();
    }
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    if (this.#length === 0) return;
    const bytes = this.#shard.subarray(0, this.#length);
    const file = `weights-${String(this.shards.length + 1).padStart(5, "0")}.bin`;
    this.shards.push({ file, sizeBytes: bytes.length, sha256: await hashHex(bytes) });
    await this.#write(file, bytes);
    this.#length = 0;
  }
}
