// Rows of numbers to encoded rows and back; docs/format.md gives every byte. All arithmetic is that of float32.

import { GROUP_SIZE, rowStrideBytes, type WeightFormat } from "./weight-source.ts";

const floatView = new Float32Array(1);
const wordView = new Uint32Array(floatView.buffer);

/** Bits of the nearest f16, half to even; Infinity beyond its range. */
export function toHalf(value: number): number {
  floatView[0] = value;
  const bits = wordView[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: in units of 2^-24, exactly representable as an f32 product.
    return sign | roundHalfEven(Math.abs(value) * 2 ** 24);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

export function fromHalf(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Encodes `numRows` rows of `numColumns` f32 values. RangeError when a value or scale is beyond f16. */
export function encodeRows(format: WeightFormat, rows: Float32Array, numRows: number, numColumns: number): Uint8Array {
  const stride = rowStrideBytes(format, numColumns);
  const bytes = new Uint8Array(numRows * stride);
  const view = new DataView(bytes.buffer);
  const numGroups = Math.ceil(numColumns / GROUP_SIZE);
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
          const part = values.subarray(group * GROUP_SIZE, (group + 1) * GROUP_SIZE);
          let largest = 0;
          for (const value of part) largest = Math.max(largest, Math.abs(value));
          const scaleBits = toFiniteHalf("scale", Math.fround(largest / 127));
          const scale = fromHalf(scaleBits);
          part.forEach((value, i) => {
            const q = scale === 0 ? 0 : clamp(roundHalfEven(Math.fround(value / scale)), -127, 127);
            view.setInt8(base + group * 32 + i, q);
          });
          view.setUint16(base + numGroups * 32 + 2 * group, scaleBits, true);
        }
        break;
      case "q4":
        for (let group = 0; group < numGroups; group++) {
          const part = values.subarray(group * GROUP_SIZE, (group + 1) * GROUP_SIZE);
          let extreme = 0;
          for (const value of part) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
          const scaleBits = toFiniteHalf("scale", Math.fround(extreme / -8));
          const scale = fromHalf(scaleBits);
          part.forEach((value, i) => {
            const q = scale === 0 ? 0 : clamp(roundHalfEven(Math.fround(value / scale)), -8, 7);
            const [word, place] = [Math.floor(i / 8), i % 8];
            bytes[base + group * 16 + word * 4 + (place % 4)]! |= (q + 8) << (place < 4 ? 0 : 4);
          });
          view.setUint16(base + numGroups * 16 + 2 * group, scaleBits, true);
        }
        break;
    }
  }
  return bytes;
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
    for (let i = 0; i < numColumns; i++) {
      const [group, place] = [Math.floor(i / GROUP_SIZE), i % GROUP_SIZE];
      let value: number;
      if (format === "f32") value = view.getFloat32(base + 4 * i, true);
      else if (format === "f16") value = fromHalf(view.getUint16(base + 2 * i, true));
      else if (format === "q8") {
        const scale = fromHalf(view.getUint16(base + numGroups * 32 + 2 * group, true));
        value = scale * view.getInt8(base + group * 32 + place);
      } else {
        const scale = fromHalf(view.getUint16(base + numGroups * 16 + 2 * group, true));
        const byte = bytes[base + group * 16 + Math.floor(place / 8) * 4 + (place % 4)]!;
        value = scale * ((place % 8 < 4 ? byte & 15 : byte >>> 4) - 8);
      }
      values[row * numColumns + i] = value;
    }
  }
  return values;
}
