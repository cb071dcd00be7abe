// Rows of numbers to encoded rows and back; docs/format.md gives every byte. All arithmetic is that of float32.

import { GROUP_SIZE, rowStrideBytes, type WeightFormat } from "./weight-source.ts";

const floatView = new Float32Array(1);
const wordView = new Uint32Array(floatView.buffer);

/** Bits of the f16 nearest to an f32, half to even; Infinity beyond its range. */
export function toHalf(value: number): number {
  floatView[0] = value;
  const bits = wordView[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  // Subnormal: counted in units of 2^-24.
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(floatView[0]) * 2 ** 24);
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

export function fromHalf(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return (bits & 0x8000 ? -fraction : fraction) * 2 ** -24;
  const wideExponent = exponent === 0x1f ? 0xff : exponent + 112;
  wordView[0] = ((bits & 0x8000) << 16) | (wideExponent << 23) | (fraction << 13);
  return floatView[0]!;
}

/** Float64 has no bits below 1 at this magnitude: adding it rounds a number under 2^51, half to even. */
const ROUNDING = 1.5 * 2 ** 52;

function roundHalfEven(value: number): number {
  return value + ROUNDING - ROUNDING;
}

/** Encodes `numRows` rows of `numColumns` f32 values. RangeError when a value or scale is beyond f16, or groups are not whole. */
export function encodeRows(format: WeightFormat, rows: Float32Array, numRows: number, numColumns: number): Uint8Array {
  const stride = rowStrideBytes(format, numColumns);
  const bytes = new Uint8Array(numRows * stride);
  const view = new DataView(bytes.buffer);
  const numGroups = Math.ceil(numColumns / GROUP_SIZE);
  if ((format === "q8" || format === "q4") && numColumns % GROUP_SIZE !== 0) {
    throw new RangeError(`columns: expected a multiple of ${GROUP_SIZE} for ${format}, got ${numColumns}`);
  }
  for (let row = 0; row < numRows; row++) {
    const values = rows.subarray(row * numColumns, (row + 1) * numColumns);
    const base = row * stride;
    switch (format) {
      case "f32":
        for (let i = 0; i < numColumns; i++) view.setFloat32(base + 4 * i, values[i]!, true);
        break;
      case "f16":
        for (let i = 0; i < numColumns; i++) view.setUint16(base + 2 * i, toFiniteHalf("value", values[i]!), true);
        break;
      case "q8":
        for (let group = 0; group < numGroups; group++) {
          const scaleBits = encodeGroupQ8(values, group * GROUP_SIZE, bytes, base + group * 32);
          view.setUint16(base + numGroups * 32 + 2 * group, scaleBits, true);
        }
        break;
      case "q4":
        for (let group = 0; group < numGroups; group++) {
          const scaleBits = encodeGroupQ4(values, group * GROUP_SIZE, bytes, base + group * 16);
          view.setUint16(base + numGroups * 16 + 2 * group, scaleBits, true);
        }
        break;
    }
  }
  return bytes;
}

/** Writes 32 int8 quants and returns the scale's bits. */
function encodeGroupQ8(values: Float32Array, first: number, bytes: Uint8Array, at: number): number {
  let largest = 0;
  for (let i = 0; i < GROUP_SIZE; i++) largest = Math.max(largest, Math.abs(values[first + i]!));
  const scaleBits = toFiniteHalf("scale", Math.fround(largest / 127));
  const scale = fromHalf(scaleBits);
  if (scale === 0) return scaleBits;
  for (let i = 0; i < GROUP_SIZE; i++) {
    bytes[at + i] = clamp(roundHalfEven(Math.fround(values[first + i]! / scale)), -127, 127);
  }
  return scaleBits;
}

/** Writes 32 quants of 4 bits and returns the scale's bits. */
function encodeGroupQ4(values: Float32Array, first: number, bytes: Uint8Array, at: number): number {
  let extreme = 0;
  for (let i = 0; i < GROUP_SIZE; i++) {
    const value = values[first + i]!;
    if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  }
  const scaleBits = toFiniteHalf("scale", Math.fround(extreme / -8));
  const scale = fromHalf(scaleBits);
  for (let i = 0; i < GROUP_SIZE; i++) {
    const q = scale === 0 ? 0 : clamp(roundHalfEven(Math.fround(values[first + i]! / scale)), -8, 7);
    bytes[at + (i >> 3) * 4 + (i & 3)]! |= (q + 8) << (i & 4);
  }
  return scaleBits;
}

function toFiniteHalf(what: string, value: number): number {
  const bits = toHalf(value);
  if ((bits & 0x7c00) === 0x7c00) throw new RangeError(`${what}: expected at most 65504 (f16), got ${Math.abs(value)}`);
  return bits;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** Decodes `numRows` encoded rows to (numRows, numColumns). */
export function decodeRows(format: WeightFormat, bytes: Uint8Array, numRows: number, numColumns: number): Float32Array {
  const stride = rowStrideBytes(format, numColumns);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numGroups = Math.ceil(numColumns / GROUP_SIZE);
  const values = new Float32Array(numRows * numColumns);
  for (let row = 0; row < numRows; row++) {
    const base = row * stride;
    const first = row * numColumns;
    switch (format) {
      case "f32":
        for (let i = 0; i < numColumns; i++) values[first + i] = view.getFloat32(base + 4 * i, true);
        break;
      case "f16":
        for (let i = 0; i < numColumns; i++) values[first + i] = fromHalf(view.getUint16(base + 2 * i, true));
        break;
      case "q8":
        for (let group = 0; group < numGroups; group++) {
          const scale = fromHalf(view.getUint16(base + numGroups * 32 + 2 * group, true));
          const end = Math.min(numColumns, (group + 1) * GROUP_SIZE);
          for (let i = group * GROUP_SIZE; i < end; i++) values[first + i] = scale * view.getInt8(base + i);
        }
        break;
      case "q4":
        for (let group = 0; group < numGroups; group++) {
          const scale = fromHalf(view.getUint16(base + numGroups * 16 + 2 * group, true));
          const end = Math.min(numColumns, (group + 1) * GROUP_SIZE);
          for (let i = group * GROUP_SIZE; i < end; i++) {
            const byte = bytes[base + (i >> 3) * 4 + (i & 3)]!;
            values[first + i] = scale * (((byte >> (i & 4)) & 15) - 8);
          }
        }
        break;
    }
  }
  return values;
}
