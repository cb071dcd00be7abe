// What `shaders/linear_residual.wgsl` computes, in float64.

import { addScaled, linear, type Numbers, type Weight } from "../vector.ts";

/** alpha · residual + beta · (input @ weights^T): input (num_tokens, num_columns), weights (num_rows, num_columns),
 * residual (num_tokens, num_rows) → (num_tokens, num_rows). */
export function linearResidual(
  input: Numbers,
  weights: Weight,
  numRows: number,
  residual: Numbers,
  alpha: number,
  beta: number,
): Float64Array {
  return addScaled(alpha, Float64Array.from(residual), beta, linear(input, weights, numRows));
}
