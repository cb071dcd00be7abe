// Reads the header of a safetensors file, strictly, and its tensors as f32 numbers, in parts. Knows bytes, no models.
// Format: https://huggingface.co/docs/safetensors — u64 header length, JSON header, tensor bytes without gaps.

import type { ByteSource } from "./byte-source.ts";
import { CheckpointError, shown } from "./checkpoint-error.ts";
import { findDuplicateKey } from "./duplicate-keys.ts";
import { fromHalf } from "./quantize.ts";

/** Every dtype whose size is a whole number of bytes; readNumbers reads F32, F16, BF16 and I32. */
const DTYPE_BYTES = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
} as const;

export type Dtype = keyof typeof DTYPE_BYTES;

/** As the format's own implementation: a header of more is an attack or a mistake. */
const MAX_HEADER_BYTES = 100_000_000;

export interface SafetensorsTensor {
  readonly name: string;
  readonly file: ByteSource;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Position of its first byte in the file. */
  readonly start: number;
  readonly end: number;
}

/** Reads and checks the whole header. Throws CheckpointError. */
export async function readSafetensors(file: ByteSource): Promise<ReadonlyMap<string, SafetensorsTensor>> {
  if (file.sizeBytes < 8) {
    throw new CheckpointError(file.name, "header length", `expected 8 bytes, got a file of ${file.sizeBytes}`);
  }
  const lengthBytes = await file.read(0, 8);
  const headerBytes = new DataView(lengthBytes.buffer, lengthBytes.byteOffset, 8).getBigUint64(0, true);
  if (headerBytes > BigInt(Math.min(MAX_HEADER_BYTES, file.sizeBytes - 8))) {
    const most = Math.min(MAX_HEADER_BYTES, file.sizeBytes - 8);
    throw new CheckpointError(file.name, "header length", `expected at most ${most}, got ${headerBytes}`);
  }
  const dataStart = 8 + Number(headerBytes);
  const header = parseHeader(file.name, await file.read(8, dataStart));
  const tensors = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => parseTensor(file, name, entry, dataStart));
  expectContiguous(file, tensors, dataStart);
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

function parseHeader(fileName: string, bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(fileName, "header", "expected JSON in UTF-8, got something else", { cause });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new CheckpointError(fileName, "header", `expected a JSON object, got ${shown(header)}`);
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) {
    throw new CheckpointError(fileName, duplicate, "expected the key once in the header, got it twice");
  }
  return header as Record<string, unknown>;
}

function parseTensor(file: ByteSource, name: string, entry: unknown, dataStart: number): SafetensorsTensor {
  const fail = (problem: string): never => {
    throw new CheckpointError(file.name, name, problem);
  };
  if (typeof entry !== "object" || entry === null) return fail(`expected an object, got ${shown(entry)}`);
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    return fail(`dtype: expected ${Object.keys(DTYPE_BYTES).join(", ")}, got ${shown(dtype)}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return fail(`shape: expected a list of whole numbers, got ${shown(shape)}`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return fail(`data_offsets: expected two whole numbers, got ${shown(offsets)}`);
  }
  const [start, end] = offsets as [number, number];
  const dataBytes = file.sizeBytes - dataStart;
  if (start > end || end > dataBytes) {
    return fail(`data_offsets: expected a range within ${dataBytes} bytes, got ${start} to ${end}`);
  }
  const sizeBytes = shape.reduce((product, length) => product * length, 1) * DTYPE_BYTES[dtype as Dtype];
  if (end - start !== sizeBytes) {
    return fail(`data_offsets: expected ${sizeBytes} bytes for ${dtype} (${shape.join(", ")}), got ${end - start}`);
  }
  return { name, file, dtype: dtype as Dtype, shape, start: dataStart + start, end: dataStart + end };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function expectContiguous(file: ByteSource, tensors: readonly SafetensorsTensor[], dataStart: number): void {
  let end = dataStart;
  for (const tensor of tensors.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (tensor.start !== end) {
      const what = tensor.start < end ? "an overlap" : "a gap";
      const got = `${what} at ${tensor.start - dataStart}`;
      throw new CheckpointError(
        file.name,
        tensor.name,
        `data_offsets: expected ${end - dataStart} as start, got ${got}`,
      );
    }
    end = tensor.end;
  }
  if (end !== file.sizeBytes) {
    const got = file.sizeBytes - dataStart;
    throw new CheckpointError(file.name, "", `expected ${end - dataStart} bytes of tensors, got ${got}`);
  }
}

/** Elements `first` .. `first + count` as f32; NaN and Inf are an error. */
export async function readNumbers(tensor: SafetensorsTensor, first: number, count: number): Promise<Float32Array> {
  const width = DTYPE_BYTES[tensor.dtype];
  const start = tensor.start + first * width;
  const bytes = await tensor.file.read(start, start + count * width);
  const values = decodeNumbers(tensor, bytes, count);
  for (let i = 0; i < count; i++) {
    if (Number.isFinite(values[i])) continue;
    const problem = `element ${first + i}: expected a finite number, got ${values[i]}`;
    throw new CheckpointError(tensor.file.name, tensor.name, problem);
  }
  return values;
}

function decodeNumbers({ file, name, dtype }: SafetensorsTensor, bytes: Uint8Array, count: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(count);
  switch (dtype) {
    case "F32":
      for (let i = 0; i < count; i++) values[i] = view.getFloat32(4 * i, true);
      break;
    case "F16":
      for (let i = 0; i < count; i++) values[i] = fromHalf(view.getUint16(2 * i, true));
      break;
    case "BF16": {
      const words = new Uint32Array(values.buffer);
      for (let i = 0; i < count; i++) words[i] = view.getUint16(2 * i, true) << 16;
      break;
    }
    case "I32":
      for (let i = 0; i < count; i++) values[i] = view.getInt32(4 * i, true);
      break;
    default:
      throw new CheckpointError(file.name, name, `dtype: expected F32, F16, BF16 or I32, got ${dtype}`);
  }
  return values;
}
