// The dispatches that read a block of tokens: matrix products over the whole block, two experts a token.

import type { Tensor } from "../gpu/tensor.ts";
import { createAttentionBlock } from "../kernels/attention-block.ts";
import { createAttentionCombine } from "../kernels/attention-combine.ts";
import { createEmbed } from "../kernels/embed.ts";
import { createLightningChunk } from "../kernels/lightning-chunk.ts";
import { createLightningGate } from "../kernels/lightning-gate.ts";
import { createLightningOutput } from "../kernels/lightning-output.ts";
import { createLightningQkvGate } from "../kernels/lightning-qkv-gate.ts";
import { createLightningScan } from "../kernels/lightning-scan.ts";
import { createLinearResidual } from "../kernels/linear-residual.ts";
import { createLinear } from "../kernels/linear.ts";
import { createMarkPrompt } from "../kernels/mark-prompt.ts";
import { createMoeCombine } from "../kernels/moe-combine.ts";
import { createMoeDown } from "../kernels/moe-down.ts";
import { createMoeSort } from "../kernels/moe-sort.ts";
import { createMoeUp } from "../kernels/moe-up.ts";
import { WHOLE_HIDDEN } from "../kernels/residual-terms.ts";
import { createRmsNorm } from "../kernels/rms-norm.ts";
import { createRopeAppend } from "../kernels/rope-append.ts";
import { createRouter } from "../kernels/router.ts";
import { fillingWorkgroups } from "../kernels/splits.ts";
import { createTokenLoss } from "../kernels/token-loss.ts";
import { addDraw } from "./draw-pass.ts";
import type { LayerWeights, LightningWeights, SoftmaxWeights } from "./model-weights.ts";
import { type Pass, PassBuilder } from "./pass.ts";
import type { PassTensors } from "./pass-tensors.ts";

/** What the last dispatches of a block compute: nothing; the last token's logits and a draw from them; every token's
 * loss terms; every token's logits. */
export type BlockOutput = "none" | "last" | "loss" | "taps";

/** Builds the pass over a sequence's state; its bind groups are good until a KV segment is added. */
export async function createPrefillPass(tensors: PassTensors, output: BlockOutput): Promise<Pass> {
  const { model, call, step, tokenCounts } = tensors;
  const { session, config, weights } = model;
  const { hiddenSize, vocabSize, numLayers, rmsNormEps } = config;
  const { hidden, normed } = model.activations;
  const pass = new PassBuilder();
  for (const { firstRow, numRows, matrix } of weights.embedTokens) {
    const embed = await createEmbed(session, { format: matrix.format, hiddenSize, firstRow, numRows });
    pass.add(embed("embed", { call, step, weights: matrix, hidden }));
  }
  pass.tap("hidden.0", hidden);
  const markPrompt = await createMarkPrompt(session, { vocabSize });
  pass.add(markPrompt("mark_prompt", { call, step, tokenCounts }));
  const rmsNorm = await createRmsNorm(session, { hiddenSize, eps: rmsNormEps });
  pass.add(rmsNorm("layer 0 rms_norm", { call, hidden, weight: weights.layers[0]!.inputLayernorm, normed }));
  for (const [layer, layerWeights] of weights.layers.entries()) {
    pass.tap(`x.${layer}`, normed);
    const nextNorm = weights.layers[layer + 1]?.inputLayernorm ?? weights.norm;
    await addLayer(pass, tensors, layer, layerWeights, nextNorm);
    // The reference's last `hidden` comes after the final norm.
    pass.tap(`hidden.${layer + 1}`, layer + 1 < numLayers ? hidden : normed);
  }
  if (output === "last") await addDraw(pass, tensors, hidden, WHOLE_HIDDEN);
  if (output === "loss" || output === "taps") await addAllLogits(pass, tensors, output);
  return pass;
}

async function addAllLogits(pass: PassBuilder, tensors: PassTensors, output: "loss" | "taps"): Promise<void> {
  const { model, call, step } = tensors;
  const { session, weights, activations } = model;
  const { hiddenSize } = model.config;
  const { normed, lossStats } = activations;
  for (const [index, { firstRow, numRows, matrix }] of weights.lmHead.entries()) {
    const { format } = matrix;
    if (output === "loss") {
      const tokenLoss = await createTokenLoss(session, { format, hiddenSize, firstRow, numRows });
      pass.add(tokenLoss("token_loss", { call, step, normed, weights: matrix, stats: lossStats }));
    } else {
      const linear = await createLinear(session, { format, numRows, numColumns: hiddenSize });
      const allLogits = model.tapLogits[index]!;
      pass.add(linear("linear head", { call, input: normed, weights: matrix, output: allLogits }));
      pass.tap(index === 0 ? "logits" : `logits.${firstRow}`, allLogits);
    }
  }
}

/** From the layer's normed input to the next layer's, or to the final norm's output. */
async function addLayer(
  pass: PassBuilder,
  tensors: PassTensors,
  layer: number,
  weights: LayerWeights,
  nextNorm: Tensor,
): Promise<void> {
  if (weights.attention.type === "linear_attention") {
    await addLightning(pass, tensors, layer, weights.attention);
  } else {
    await addSoftmax(pass, tensors, layer, weights.attention);
  }
  pass.tap(`middle.${layer}`, tensors.model.activations.hidden);
  await addExperts(pass, tensors, layer, weights, nextNorm);
}

async function addLightning(
  pass: PassBuilder,
  { model: { session, config, activations }, call, recurrentStates }: PassTensors,
  layer: number,
  weights: LightningWeights,
): Promise<void> {
  const { hiddenSize, numHeads, headDim } = config;
  const { hidden, normed, lightningQkv: qkv, chunkStates, gate, attentionOutput } = activations;
  const attentionSize = numHeads * headDim;
  const { format } = weights.qkvGate;
  const lightningQkvGate = await createLightningQkvGate(session, { format, hiddenSize, attentionSize });
  const lightningChunk = await createLightningChunk(session, { numHeads, headDim });
  const lightningScan = await createLightningScan(session, { numHeads, headDim });
  const lightningOutput = await createLightningOutput(session, { numHeads, headDim });
  const lightningGate = await createLightningGate(session, { attentionSize });
  const outLinear = await createLinearResidual(session, {
    format: weights.outProj.format,
    numRows: hiddenSize,
    numColumns: attentionSize,
    alpha: config.linearAttentionAlpha,
    beta: config.linearAttentionBeta,
  });
  const name = (kernel: string) => `layer ${layer} ${kernel}`;
  pass.add(lightningQkvGate(name("lightning_qkv_gate"), { call, normed, weights: weights.qkvGate, qkv, gate }));
  pass.tap(`qkv.${layer}`, qkv);
  const { slopes } = weights;
  const state = recurrentStates.get(layer)!;
  pass.add(lightningChunk(name("lightning_chunk"), { call, qkv, slopes, chunkStates }));
  pass.add(lightningScan(name("lightning_scan"), { call, slopes, state, chunkStates }));
  pass.add(lightningOutput(name("lightning_output"), { call, qkv, slopes, chunkStates, attentionOutput }));
  pass.tap(`o.${layer}`, attentionOutput);
  pass.add(lightningGate(name("lightning_gate"), { call, weight: weights.norm, gate, attentionOutput }));
  pass.tap(`gated.${layer}`, attentionOutput);
  pass.add(
    outLinear(name("linear_residual out_proj"), {
      call,
      input: attentionOutput,
      weights: weights.outProj,
      residual: normed,
      output: hidden,
    }),
  );
}

async function addSoftmax(
  pass: PassBuilder,
  { model, call, step, segments, keyWindow }: PassTensors,
  layer: number,
  weights: SoftmaxWeights,
): Promise<void> {
  const { session, config, kvFormat, activations, ropeTable } = model;
  const { hiddenSize, numHeads, numKvHeads, headDim } = config;
  const { hidden, normed, softmaxQkv, splitStats: stats, splitPartials: partials, attentionOutput } = activations;
  const splits = { stats, partials };
  const qkvLinear = await createLinear(session, {
    format: weights.qkv.format,
    numRows: (numHeads + 2 * numKvHeads) * headDim,
    numColumns: hiddenSize,
  });
  const heads = { numHeads, numKvHeads, headDim, kvFormat, keyWindow, maxWorkgroups: fillingWorkgroups(session) };
  const ropeAppend = await createRopeAppend(session, heads);
  const attentionBlock = await createAttentionBlock(session, heads);
  const attentionCombine = await createAttentionCombine(session, heads);
  const outLinear = await createLinearResidual(session, {
    format: weights.oProj.format,
    numRows: hiddenSize,
    numColumns: numHeads * headDim,
    alpha: config.fullAttentionAlpha,
    beta: config.fullAttentionBeta,
  });
  const softmaxLayer = config.layerTypes.slice(0, layer).filter((type) => type === "full_attention").length;
  const name = (kernel: string) => `layer ${layer} ${kernel}`;
  pass.add(qkvLinear(name("linear qkv"), { call, input: normed, weights: weights.qkv, output: softmaxQkv }));
  pass.tap(`qkv.${layer}`, softmaxQkv);
  for (const { uniform: segment, caches } of segments) {
    const cache = caches[softmaxLayer]!;
    pass.add(ropeAppend(name("rope_append"), { call, segment, step, qkv: softmaxQkv, ropeTable, cache }));
  }
  for (const { uniform: segment, caches } of segments) {
    const cache = caches[softmaxLayer]!;
    pass.add(attentionBlock(name("attention_block"), { call, segment, step, qkv: softmaxQkv, cache, ...splits }));
  }
  pass.add(attentionCombine(name("attention_combine"), { call, step, ...splits, attentionOutput }));
  pass.tap(`o.${layer}`, attentionOutput);
  pass.add(
    outLinear(name("linear_residual o_proj"), {
      call,
      input: attentionOutput,
      weights: weights.oProj,
      residual: normed,
      output: hidden,
    }),
  );
}

async function addExperts(
  pass: PassBuilder,
  { model: { session, config, activations }, call }: PassTensors,
  layer: number,
  weights: LayerWeights,
  nextNorm: Tensor,
): Promise<void> {
  const { hiddenSize, intermediateSize, numExperts, expertsPerToken, rmsNormEps: eps } = config;
  const { hidden, normed, routerLogits, expertIds, expertWeights, expertOffsets, sortedSlots, up, down } = activations;
  const sizes = { hiddenSize, intermediateSize, numExperts, expertsPerToken };
  const router = await createRouter(session, { hiddenSize, numExperts, expertsPerToken, eps });
  const moeSort = await createMoeSort(session, { numExperts, expertsPerToken });
  const moeUp = await createMoeUp(session, { ...sizes, format: weights.gateUpProj.format });
  const moeDown = await createMoeDown(session, { ...sizes, format: weights.downProj.format });
  const moeCombine = await createMoeCombine(session, {
    hiddenSize,
    expertsPerToken,
    alpha: config.mlpAlpha,
    beta: config.mlpBeta,
    eps,
  });
  const name = (kernel: string) => `layer ${layer} ${kernel}`;
  const { router: gate, postAttentionLayernorm: norm } = weights;
  pass.add(router(name("router"), { call, hidden, norm, gate, normed, routerLogits, expertIds, expertWeights }));
  pass.tap(`y.${layer}`, normed);
  pass.tap(`router.${layer}`, routerLogits);
  pass.add(moeSort(name("moe_sort"), { call, expertIds, expertOffsets, sortedSlots }));
  pass.add(moeUp(name("moe_up"), { normed, expertOffsets, sortedSlots, weights: weights.gateUpProj, up }));
  pass.add(moeDown(name("moe_down"), { up, expertOffsets, sortedSlots, weights: weights.downProj, down }));
  pass.tap(`down.${layer}`, down);
  pass.add(moeCombine(name("moe_combine"), { call, down, expertWeights, norm: nextNorm, hidden, normed }));
}
