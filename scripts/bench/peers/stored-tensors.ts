// A model's tensors as an exported folder stores them, taken apart: whole numbers and scales, for other formats to pack.

import { decodeRows, fromHalf } from "../../../src/checkpoint/quantize.ts";
import { GROUP_SIZE, rowStrideBytes, type WeightSource } from "../../../src/checkpoint/weight-source.ts";

/** Rows of groups of 32; a number is scale · quant. */
export interface QuantRows {
  readonly bits: 4 | 8;
  readonly numRows: number;
  readonly numColumns: number;
  /** (num_rows, num_columns), -8 to 7 or -127 to 127. */
  readonly quants: Int8Array;
  /** (num_rows, num_columns / 32), f16 bits. */
  readonly scaleBits: Uint16Array;
}

/** A q4 or q8 tensor; RangeError when it is stored otherwise. */
export async function readQuantRows(source: WeightSource, name: string): Promise<QuantRows> {
  const { format, numRows, numColumns, bytes } = await readStored(source, name);
  if (format !== "q4" && format !== "q8") throw new RangeError(`${name}: expected q4 or q8, got ${format}`);
  const numGroups = numColumns / GROUP_SIZE;
  const stride = rowStrideBytes(format, numColumns);
  const groupBytes = format === "q4" ? 16 : 32;
  const view = new DataView(bytes.buffer);
  const quants = new Int8Array(numRows * numColumns);
  const scaleBits = new Uint16Array(numRows * numGroups);
  for (let row = 0; row < numRows; row++) {
    for (let group = 0; group < numGroups; group++) {
      const from = row * stride + group * groupBytes;
      const to = row * numColumns + group * GROUP_SIZE;
      for (let i = 0; i < GROUP_SIZE; i++) {
        quants[to + i] =
          format === "q8" ? view.getInt8(from + i) : ((bytes[from + (i >> 3) * 4 + (i & 3)]! >> (i & 4)) & 15) - 8;
      }
      scaleBits[row * numGroups + group] = view.getUint16(row * stride + numGroups * groupBytes + 2 * group, true);
    }
  }
  return { bits: format === "q4" ? 4 : 8, numRows, numColumns, quants, scaleBits };
}

/** The numbers that a tensor of any format stands for. */
export async function readFloats(source: WeightSource, name: string): Promise<Float32Array> {
  const { format, numRows, numColumns, bytes } = await readStored(source, name);
  return decodeRows(format, bytes, numRows, numColumns);
}

async function readStored(source: WeightSource, name: string) {
  const tensor = source.tensors.get(name);
  if (!tensor) throw new RangeError(`${name}: expected a tensor of the model, got none`);
  const bytes = new Uint8Array(tensor.sizeBytes);
  let offset = 0;
  for await (const chunk of source.read(name)) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  const numColumns = tensor.shape.at(-1)!;
  const numRows = tensor.shape.slice(0, -1).reduce((product, length) => product * length, 1);
  return { format: tensor.format, numRows, numColumns, bytes };
}

/** `numRows` of the rows in another order: row i of the result is row `order(i)`. */
export function reorderRows(rows: QuantRows, numRows: number, order: (row: number) => number): QuantRows {
  const { numColumns } = rows;
  const numGroups = numColumns / GROUP_SIZE;
  const quants = new Int8Array(numRows * numColumns);
  const scaleBits = new Uint16Array(numRows * numGroups);
  for (let row = 0; row < numRows; row++) {
    const from = order(row);
    quants.set(rows.quants.subarray(from * numColumns, (from + 1) * numColumns), row * numColumns);
    scaleBits.set(rows.scaleBits.subarray(from * numGroups, (from + 1) * numGroups), row * numGroups);
  }
  return { ...rows, numRows, quants, scaleBits };
}

/** One tensor's rows, then the next one's. */
export function stackRows(parts: readonly QuantRows[]): QuantRows {
  const [first] = parts as readonly [QuantRows, ...QuantRows[]];
  const numRows = parts.reduce((sum, part) => sum + part.numRows, 0);
  const quants = new Int8Array(numRows * first.numColumns);
  const scaleBits = new Uint16Array((numRows * first.numColumns) / GROUP_SIZE);
  let row = 0;
  for (const part of parts) {
    quants.set(part.quants, row * first.numColumns);
    scaleBits.set(part.scaleBits, (row * first.numColumns) / GROUP_SIZE);
    row += part.numRows;
  }
  return { ...first, numRows, quants, scaleBits };
}

/** The scales as f32, each times a factor. */
export function scaleFloats({ scaleBits }: QuantRows, factor: number): Float32Array {
  return Float32Array.from(scaleBits, (bits) => fromHalf(bits) * factor);
}
