// Weights straight from a Hugging Face checkpoint, encoded as they are read: what the exporter writes, and what
// verification loads without an export.

import { CheckpointError } from "./checkpoint-error.ts";
import type { CheckpointTensor, HfCheckpoint, TensorPart } from "./hf-checkpoint.ts";
import { decodeRows, encodeRows } from "./quantize.ts";
import { readNumbers, type SafetensorsTensor } from "./safetensors.ts";
import { formatOf } from "./tensor-plan.ts";
import {
  GROUP_SIZE,
  rowStrideBytes,
  type WeightFormat,
  type WeightSource,
  type WeightTensor,
} from "./weight-source.ts";

/** Numbers converted at a time: 4 MB as f32, so that memory stays small whatever the checkpoint's size. */
const CHUNK_NUMBERS = 1 << 20;

/** What encoding cost: called for each chunk with the largest |encoded - original| and the largest |original|. */
export type OnEncoded = (tensor: CheckpointTensor, largestError: number, largestMagnitude: number) => void;

/** Throws CheckpointError for a tensor that the format cannot hold; reading throws for NaN, Inf, or scales beyond f16. */
export function createHfSource(checkpoint: HfCheckpoint, quant: WeightFormat, onEncoded?: OnEncoded): WeightSource {
  const planned = new Map(checkpoint.tensors.map((tensor) => [tensor.name, tensor]));
  const tensors = new Map(checkpoint.tensors.map((tensor) => [tensor.name, toWeightTensor(tensor, quant)]));
  return {
    config: checkpoint.config,
    tensors,
    async *read(name, signal) {
      const tensor = planned.get(name);
      if (!tensor) throw new RangeError(`${name}: expected a tensor of the checkpoint, got none`);
      for (const part of tensor.parts) yield* encodePart(tensor, part, tensors.get(name)!.format, signal, onEncoded);
    },
  };
}

function toWeightTensor(tensor: CheckpointTensor, quant: WeightFormat): WeightTensor {
  const { name, kind, shape } = tensor;
  const format = formatOf(kind, quant);
  const numColumns = shape.at(-1)!;
  if ((format === "q4" || format === "q8") && numColumns % GROUP_SIZE !== 0) {
    const first = tensor.parts[0]!.tensor;
    const expected = `a multiple of ${GROUP_SIZE} for ${format} (f16 and f32 work)`;
    throw new CheckpointError(first.file.name, first.name, `input axis: expected ${expected}, got ${numColumns}`);
  }
  const numRows = shape.slice(0, -1).reduce((product, length) => product * length, 1);
  return { name, format, shape, sizeBytes: numRows * rowStrideBytes(format, numColumns) };
}

async function* encodePart(
  planned: CheckpointTensor,
  { tensor, numRows, reorder }: TensorPart,
  format: WeightFormat,
  signal: AbortSignal | undefined,
  onEncoded: OnEncoded | undefined,
): AsyncGenerator<Uint8Array> {
  const numColumns = planned.shape.at(-1)!;
  const blockRows = reorder?.blockRows ?? 1;
  const chunkRows = Math.max(1, Math.floor(CHUNK_NUMBERS / numColumns / blockRows)) * blockRows;
  for (let row = 0; row < numRows; row += chunkRows) {
    signal?.throwIfAborted();
    const count = Math.min(chunkRows, numRows - row);
    const read = await readNumbers(tensor, row * numColumns, count * numColumns);
    const values = reorder ? reorderRows(read, numColumns, reorder) : read;
    const bytes = encodeChecked(tensor, format, values, count, numColumns);
    if (onEncoded) {
      const decoded = decodeRows(format, bytes, count, numColumns);
      let [error, magnitude] = [0, 0];
      for (let i = 0; i < values.length; i++) {
        error = Math.max(error, Math.abs(decoded[i]! - values[i]!));
        magnitude = Math.max(magnitude, Math.abs(values[i]!));
      }
      onEncoded(planned, error, magnitude);
    }
    yield bytes;
  }
}

function encodeChecked(
  { file, name }: SafetensorsTensor,
  format: WeightFormat,
  values: Float32Array,
  numRows: number,
  numColumns: number,
): Uint8Array {
  try {
    return encodeRows(format, values, numRows, numColumns);
  } catch (cause) {
    if (cause instanceof RangeError) throw new CheckpointError(file.name, name, cause.message, { cause });
    throw cause;
  }
}

function reorderRows(
  values: Float32Array,
  numColumns: number,
  { blockRows, from }: NonNullable<TensorPart["reorder"]>,
): Float32Array {
  const reordered = new Float32Array(values.length);
  for (let row = 0; row < values.length / numColumns; row++) {
    const block = row - (row % blockRows);
    const source = (block + from[row % blockRows]!) * numColumns;
    reordered.set(values.subarray(source, source + numColumns), row * numColumns);
  }
  return reordered;
}
