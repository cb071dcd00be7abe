// KV caches for parity tests: values that the format can hold, uploaded and read back in it.

import { fromHalf, toHalf } from "../../src/checkpoint/quantize.ts";
import type { GpuSession } from "../../src/gpu/session.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { type KvHeads, kvWords } from "../../src/kernels/kv-format.ts";
import { kvI8 } from "../../src/reference/kernels/kv-i8.ts";
import { readWords, upload } from "./harness.ts";

type RowFormat = Pick<KvHeads, "kvFormat" | "headDim">;

/** What a cache holds after these values were stored, rows of headDim. */
export function roundToKv(rows: RowFormat, values: Float32Array): Float32Array {
  return decode(rows, encode(rows, values));
}

/** A cache (capacity, 2, num_kv_heads, head_dim) of values that the format can hold. */
export function uploadCache(session: GpuSession, label: string, heads: KvHeads, values: Float32Array): Tensor {
  const { numKvHeads, headDim } = heads;
  const shape = [values.length / (2 * numKvHeads * headDim), 2, numKvHeads, kvWords(heads)];
  return upload(session, label, shape, new Uint32Array(encode(heads, values)));
}

export async function readCache(session: GpuSession, cache: Tensor, rows: RowFormat): Promise<Float32Array> {
  return decode(rows, await readWords(session, cache));
}

function encode({ kvFormat, headDim }: RowFormat, values: Float32Array): ArrayBuffer {
  if (kvFormat === "f32") return values.slice().buffer;
  if (kvFormat === "f16") return Uint16Array.from(values, toHalf).buffer;
  const rowBytes = headDim + 4;
  const encoded = new ArrayBuffer((values.length / headDim) * rowBytes);
  for (let row = 0; row < values.length / headDim; row++) {
    const { scale, bytes } = kvI8(values.subarray(row * headDim, (row + 1) * headDim));
    new Int8Array(encoded, row * rowBytes).set(bytes);
    new DataView(encoded).setFloat32(row * rowBytes + headDim, scale, true);
  }
  return encoded;
}

function decode({ kvFormat, headDim }: RowFormat, encoded: ArrayBuffer): Float32Array {
  if (kvFormat === "f32") return new Float32Array(encoded);
  if (kvFormat === "f16") return Float32Array.from(new Uint16Array(encoded), fromHalf);
  const rowBytes = headDim + 4;
  const view = new DataView(encoded);
  return Float32Array.from({ length: (encoded.byteLength / rowBytes) * headDim }, (_, i) => {
    const row = Math.floor(i / headDim) * rowBytes;
    return view.getInt8(row + (i % headDim)) * view.getFloat32(row + headDim, true);
  });
}
