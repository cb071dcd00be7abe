// The dispatches of one decode step: two a lightning layer, four and one for each further KV segment a softmax layer, and
// three for the embedding, the head and the draw. Between layers the residual stream exists as terms: each kernel adds up
// what the one before left (shaders/common/residual_terms.wgsl).

import type { ModelConfig } from "../checkpoint/model-config.ts";
import { createTensor, type Tensor } from "../gpu/tensor.ts";
import { createAttentionDecode } from "../kernels/attention-decode.ts";
import { createAttentionOutputDecode } from "../kernels/attention-output-decode.ts";
import { createAttentionQkvDecode } from "../kernels/attention-qkv-decode.ts";
import { createEmbed } from "../kernels/embed.ts";
import { createExpertsDecode, expertTerms } from "../kernels/experts-decode.ts";
import { createLightningDecode, lightningTerms } from "../kernels/lightning-decode.ts";
import { fillingSplits } from "../kernels/decode-splits.ts";
import { type ResidualTerms, termRowLength, WHOLE_HIDDEN } from "../kernels/residual-terms.ts";
import { addDraw } from "./draw-pass.ts";
import type { LayerWeights, LightningWeights, SoftmaxWeights } from "./model-weights.ts";
import { type Pass, PassBuilder } from "./pass.ts";
import type { PassTensors } from "./pass-tensors.ts";

/** The residual stream as a kernel left it, and how to add it up. */
interface Stream {
  /** Label of that kernel's dispatch. */
  readonly kernel: string;
  readonly terms: Tensor;
  readonly input: ResidualTerms;
}

/** Builds the pass over a sequence's state; its bind groups are good until a KV segment is added. */
export async function createDecodePass(tensors: PassTensors): Promise<Pass> {
  const { model, call, step } = tensors;
  const { session, config, weights } = model;
  const { hidden } = model.activations;
  const pass = new PassBuilder();
  for (const { firstRow, numRows, matrix } of weights.embedTokens) {
    const { format } = matrix;
    const embed = await createEmbed(session, { format, hiddenSize: config.hiddenSize, firstRow, numRows });
    pass.add(embed("embed", { call, step, weights: matrix, hidden }));
  }
  pass.tap("hidden.0", hidden);
  let stream: Stream = { kernel: "embed", terms: hidden, input: WHOLE_HIDDEN };
  for (const [layer, layerWeights] of weights.layers.entries()) {
    const { attention } = layerWeights;
    stream =
      attention.type === "linear_attention"
        ? await addLightning(pass, tensors, layer, layerWeights, attention, stream)
        : await addSoftmax(pass, tensors, layer, layerWeights, attention, stream);
    stream = await addExperts(pass, tensors, layer, layerWeights, stream);
  }
  await addDraw(pass, tensors, stream.terms, stream.input);
  return pass;
}

async function addLightning(
  pass: PassBuilder,
  { model, step, recurrentStates }: PassTensors,
  layer: number,
  { inputLayernorm }: LayerWeights,
  { qkvGate, outProj, normSlopes }: LightningWeights,
  { kernel, terms, input }: Stream,
): Promise<Stream> {
  const { session, config, activations } = model;
  const { hiddenSize, numHeads, headDim, rmsNormEps: eps } = config;
  const { attentionTerms } = activations;
  const label = `layer ${layer} lightning_decode`;
  const lightning = await createLightningDecode(session, {
    format: qkvGate.format,
    outFormat: outProj.format,
    input,
    hiddenSize,
    eps,
    numHeads,
    headDim,
  });
  pass.add(
    lightning(label, {
      step,
      terms,
      norm: inputLayernorm,
      weights: qkvGate,
      attentionNorm: normSlopes,
      state: recurrentStates.get(layer)!,
      outWeights: outProj,
      nextTerms: attentionTerms,
    }),
  );
  if (layer > 0) pass.tap(`hidden.${layer}`, hiddenRow(attentionTerms, config), kernel);
  const { linearAttentionAlpha: alpha, linearAttentionBeta: beta } = config;
  return {
    kernel: label,
    terms: attentionTerms,
    input: { numTerms: lightningTerms(config), scaleSize: numHeads * headDim, alpha, beta },
  };
}

async function addSoftmax(
  pass: PassBuilder,
  { model, step, segments, keyWindow }: PassTensors,
  layer: number,
  { inputLayernorm: norm }: LayerWeights,
  weights: SoftmaxWeights,
  { kernel, terms, input }: Stream,
): Promise<Stream> {
  const { session, config, activations, ropeTable } = model;
  const { hiddenSize, numHeads, numKvHeads, headDim, rmsNormEps: eps } = config;
  const { residual, hiddenNext, softmaxQkv: qkv, splitStats: stats, splitPartials: partials } = activations;
  const splits = { stats, partials };
  const heads = { numHeads, numKvHeads, headDim };
  const maxSplits = fillingSplits(session);
  const { format } = weights.qkv;
  const qkvDecode = await createAttentionQkvDecode(session, { format, input, hiddenSize, eps, ...heads });
  const { kvFormat } = model;
  const attention = await createAttentionDecode(session, { ...heads, kvFormat, maxSplits, keyWindow });
  const output = await createAttentionOutputDecode(session, {
    format: weights.oProj.format,
    hiddenSize,
    numHeads,
    headDim,
    maxSplits,
    keyWindow,
    alpha: config.fullAttentionAlpha,
    beta: config.fullAttentionBeta,
  });
  const softmaxLayer = config.layerTypes.slice(0, layer).filter((type) => type === "full_attention").length;
  const name = (kernel: string) => `layer ${layer} ${kernel}`;
  pass.add(
    qkvDecode(name("attention_qkv_decode"), { step, terms, norm, weights: weights.qkv, ropeTable, qkv, residual }),
  );
  if (layer > 0)
    pass.tap(`hidden.${layer}`, createTensor("hidden", residual.buffer, [1, hiddenSize], 4 * hiddenSize), kernel);
  for (const { uniform: segment, caches } of segments) {
    pass.add(attention(name("attention_decode"), { segment, step, qkv, cache: caches[softmaxLayer]!, ...splits }));
  }
  pass.add(output(name("attention_output_decode"), { step, residual, ...splits, weights: weights.oProj, hiddenNext }));
  pass.tap(`middle.${layer}`, hiddenNext);
  return { kernel: name("attention_output_decode"), terms: hiddenNext, input: WHOLE_HIDDEN };
}

async function addExperts(
  pass: PassBuilder,
  { model }: PassTensors,
  layer: number,
  { postAttentionLayernorm: norm, router, gateUpProj, downProj }: LayerWeights,
  { kernel, terms, input }: Stream,
): Promise<Stream> {
  const { session, config, activations } = model;
  const { hiddenSize, intermediateSize, numExperts, expertsPerToken, rmsNormEps: eps } = config;
  const experts = await createExpertsDecode(session, {
    format: gateUpProj.format,
    downFormat: downProj.format,
    input,
    hiddenSize,
    eps,
    intermediateSize,
    numExperts,
    expertsPerToken,
  });
  const { expertTerms: nextTerms } = activations;
  const bound = { terms, norm, router, weights: gateUpProj, downWeights: downProj, nextTerms };
  const label = `layer ${layer} experts_decode`;
  pass.add(experts(label, bound));
  if (input.numTerms > 0) pass.tap(`middle.${layer}`, hiddenRow(nextTerms, config), kernel);
  const { mlpAlpha: alpha, mlpBeta: beta } = config;
  return { kernel: label, terms: nextTerms, input: { numTerms: expertTerms(config), scaleSize: 0, alpha, beta } };
}

/** The last row of terms: the hidden state that their kernel read. */
function hiddenRow(terms: Tensor, { hiddenSize }: ModelConfig): Tensor {
  const lastRow = terms.shape[0]! - 1;
  return createTensor(
    "hidden",
    terms.buffer,
    [1, hiddenSize],
    terms.offsetBytes + 4 * lastRow * termRowLength(hiddenSize),
  );
}
