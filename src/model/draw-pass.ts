// The end of a pass that draws a token: final norm and head for the last token, then the sampler.

import { createHead } from "../kernels/head.ts";
import { createSample } from "../kernels/sample.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { ResidualTerms } from "../kernels/residual-terms.ts";
import type { PassBuilder } from "./pass.ts";
import type { PassTensors } from "./pass-tensors.ts";

/** Adds the last token's logits and the draw, which advances the step buffer; `terms` are the residual stream. */
export async function addDraw(
  pass: PassBuilder,
  { model, call, step, tokenCounts }: PassTensors,
  terms: Tensor,
  input: ResidualTerms,
): Promise<void> {
  const { session, config, weights, activations } = model;
  const { hiddenSize, vocabSize, rmsNormEps } = config;
  const { logits } = activations;
  for (const { firstRow, numRows, matrix } of weights.lmHead) {
    const { format } = matrix;
    const head = await createHead(session, {
      format,
      input,
      hiddenSize,
      vocabSize,
      eps: rmsNormEps,
      firstRow,
      numRows,
    });
    pass.add(head("head", { call, terms, norm: weights.norm, weights: matrix, logits }));
  }
  pass.tap("logits", logits);
  const sample = await createSample(session, { vocabSize });
  pass.add(sample("sample", { call, step, logits, tokenCounts }));
}
