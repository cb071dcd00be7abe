// Constants and appended files that every kernel over encoded weights needs.

import { GROUP_SIZE, rowStrideBytes, type WeightFormat } from "../checkpoint/weight-source.ts";
import type { WeightMatrix } from "../gpu/tensor.ts";

/** Files to append so that `weight_group(row, group)` reads this format, and `out_weight_group` the other, if given. */
export function weightAppends(format: WeightFormat, outFormat?: WeightFormat): readonly string[] {
  const appends = ["common/half", `common/weight_${format}`];
  return outFormat ? [...appends, `common/weight_${outFormat} as out`] : appends;
}

export function numWeightGroups(numColumns: number): number {
  return Math.ceil(numColumns / GROUP_SIZE);
}

/** Throws RangeError unless the matrix has this format and shape, and all of its bytes. */
export function expectWeights(weights: WeightMatrix, format: WeightFormat, numRows: number, numColumns: number): void {
  const sizeBytes = numRows * rowStrideBytes(format, numColumns);
  const got = `${weights.format} (${weights.shape.join(", ")}) of ${weights.sizeBytes} bytes`;
  const isRight =
    weights.format === format &&
    weights.shape[0] === numRows &&
    weights.shape[1] === numColumns &&
    weights.sizeBytes === sizeBytes;
  if (!isRight) {
    throw new RangeError(
      `${weights.label}: expected ${format} (${numRows}, ${numColumns}) of ${sizeBytes} bytes, got ${got}`,
    );
  }
}
