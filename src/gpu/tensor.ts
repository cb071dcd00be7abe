// A tensor is a shape and a range of a GPU buffer; elements are 4 bytes (f32 or u32) unless it holds encoded weights.

import type { WeightFormat } from "../checkpoint/weight-source.ts";

export interface Tensor {
  readonly label: string;
  readonly buffer: GPUBuffer;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** Row-major. */
  readonly shape: readonly number[];
}

/** Encoded rows, shape (num_rows, num_columns); docs/format.md gives the bytes. */
export interface WeightMatrix extends Tensor {
  readonly format: WeightFormat;
}

/** A tensor over a whole buffer, or over the range that `shape` needs from `offsetBytes` on. */
export function createTensor(label: string, buffer: GPUBuffer, shape: readonly number[], offsetBytes = 0): Tensor {
  const sizeBytes = 4 * shape.reduce((product, length) => product * length, 1);
  if (offsetBytes + sizeBytes > buffer.size) {
    throw new RangeError(`${label}: expected at most ${buffer.size - offsetBytes} bytes, got ${sizeBytes}`);
  }
  return { label, buffer, offsetBytes, sizeBytes, shape };
}

/** Throws RangeError unless the tensor has this shape. */
export function expectShape(tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((length, axis) => length !== shape[axis])) {
    throw new RangeError(`${tensor.label}: expected shape (${shape.join(", ")}), got (${tensor.shape.join(", ")})`);
  }
}

/** Throws RangeError unless the tensor holds (capacity, …rest) with any capacity of at least one. */
export function expectRows(tensor: Tensor, rest: readonly number[]): void {
  expectShape(tensor, [Math.max(1, tensor.shape[0] ?? 0), ...rest]);
}
