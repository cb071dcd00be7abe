// The residual stream between decode's kernels: one adds up what the one before left as terms
// (shaders/common/residual_terms.wgsl).

import { expectRows, type Tensor } from "../gpu/tensor.ts";

/** How a kernel adds up the terms that it is given: hidden = alpha * terms[0] + beta * scale * (terms[1] + ...). */
export interface ResidualTerms {
  /** 0: the input is hidden itself, (rows, hiddenSize). */
  readonly numTerms: number;
  /** Length of the vector whose norm is the scale; 0: the scale is 1. */
  readonly scaleSize: number;
  readonly alpha: number;
  readonly beta: number;
}

/** The input is the residual stream itself. */
export const WHOLE_HIDDEN: ResidualTerms = { numTerms: 0, scaleSize: 0, alpha: 1, beta: 1 };

/** A row's last vec4 is no part of the stream: its first value is a term's sum of squares. */
export function termRowLength(hiddenSize: number): number {
  return hiddenSize + 4;
}

export function termConstants(input: ResidualTerms, hiddenSize: number, eps: number) {
  const { numTerms, scaleSize, alpha, beta } = input;
  return {
    HIDDEN_SIZE: hiddenSize,
    EPS: eps,
    NUM_TERMS: numTerms,
    SCALE_SIZE: scaleSize,
    ALPHA: alpha,
    BETA: beta,
  };
}

/** Throws RangeError unless the tensor has a row for the residual and each term, and any more. */
export function expectTerms(tensor: Tensor, { numTerms }: ResidualTerms, hiddenSize: number): void {
  expectRows(tensor, [numTerms === 0 ? hiddenSize : termRowLength(hiddenSize)]);
  if ((tensor.shape[0] ?? 0) < 1 + numTerms) {
    throw new RangeError(`${tensor.label}: expected at least ${1 + numTerms} rows, got ${tensor.shape[0]}`);
  }
}
