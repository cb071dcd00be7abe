// A reader of GGUF files as a test needs it, written from the format's description.

import { fromHalf } from "../../../src/checkpoint/quantize.ts";

const SIZES = new Map([
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
]);
const TEXT = 8;
const LIST = 9;
const F32 = 0;
const Q4_0 = 2;
const Q8_0 = 8;

export interface ReadGguf {
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;
}

export function readGguf(bytes: Uint8Array): ReadGguf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const uint32 = () => view.getUint32((at += 4) - 4, true);
  const uint64 = () => Number(view.getBigUint64((at += 8) - 8, true));
  const text = () => {
    const length = uint64();
    return new TextDecoder().decode(bytes.subarray(at, (at += length)));
  };
  const value = (type: number): unknown => {
    if (type === TEXT) return text();
    if (type === LIST) {
      const itemType = uint32();
      return Array.from({ length: uint64() }, () => value(itemType));
    }
    at += SIZES.get(type)!;
    if (type === 6) return view.getFloat32(at - 4, true);
    return type === 7 ? view.getUint8(at - 1) === 1 : view.getInt32(at - 4, true);
  };
  const magic = new TextDecoder().decode(bytes.subarray(0, 4));
  at = 4;
  if (magic !== "GGUF" || uint32() !== 3) throw new Error(`file: expected GGUF 3, got ${magic}`);
  const [numTensors, numValues] = [uint64(), uint64()];
  const metadata = new Map(Array.from({ length: numValues }, () => [text(), value(uint32())] as const));
  const infos = Array.from({ length: numTensors }, () => ({
    name: text(),
    shape: Array.from({ length: uint32() }, uint64).reverse(),
    type: uint32(),
    offset: uint64(),
  }));
  const start = Math.ceil(at / 32) * 32;
  const tensors = infos.map(({ name, shape, type, offset }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return [name, { shape, values: readValues(view, type, start + offset, length) }] as const;
  });
  return { metadata, tensors: new Map(tensors) };
}

function readValues(view: DataView, type: number, start: number, length: number): Float32Array {
  if (start % 32 !== 0) throw new Error(`tensor: expected a multiple of 32, got ${start}`);
  return Float32Array.from({ length }, (_, index) => {
    const [block, i] = [Math.floor(index / 32), index % 32];
    switch (type) {
      case F32:
        return view.getFloat32(start + 4 * index, true);
      case Q8_0:
        return fromHalf(view.getUint16(start + 34 * block, true)) * view.getInt8(start + 34 * block + 2 + i);
      case Q4_0: {
        const byte = view.getUint8(start + 18 * block + 2 + (i % 16));
        return fromHalf(view.getUint16(start + 18 * block, true)) * ((i < 16 ? byte & 15 : byte >> 4) - 8);
      }
      default:
        throw new Error(`tensor: expected type 0, 2 or 8, got ${type}`);
    }
  });
}
