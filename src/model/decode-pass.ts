// The dispatches of one decode step: four a lightning layer, four and one for each KV segment a softmax layer, and three
// for the embedding, the head and the draw. The residual stream goes back and forth between two rows.

import { createAttentionDecode } from "../kernels/attention-decode.ts";
import { createAttentionOutputDecode } from "../kernels/attention-output-decode.ts";
import { createAttentionQkvDecode } from "../kernels/attention-qkv-decode.ts";
import { createEmbed } from "../kernels/embed.ts";
import { createLightningDecode } from "../kernels/lightning-decode.ts";
import { createLightningOutputDecode } from "../kernels/lightning-output-decode.ts";
import { createMoeDownDecode } from "../kernels/moe-down-decode.ts";
import { createMoeUpDecode } from "../kernels/moe-up-decode.ts";
import { addDraw } from "./draw-pass.ts";
import type { LayerWeights, LightningWeights, SoftmaxWeights } from "./model-weights.ts";
import { type Pass, PassBuilder } from "./pass.ts";
import type { PassTensors } from "./pass-tensors.ts";

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
  for (const [layer, layerWeights] of weights.layers.entries()) {
    if (layerWeights.attention.type === "linear_attention") {
      await addLightning(pass, tensors, layer, layerWeights, layerWeights.attention);
    } else {
      await addSoftmax(pass, tensors, layer, layerWeights, layerWeights.attention);
    }
    await addExperts(pass, tensors, layer, layerWeights);
  }
  await addDraw(pass, tensors);
  return pass;
}

async function addLightning(
  pass: PassBuilder,
  { model, step, recurrentStates }: PassTensors,
  layer: number,
  { inputLayernorm }: LayerWeights,
  { qkvGate, outProj, norm: attentionNorm, slopes }: LightningWeights,
): Promise<void> {
  const { session, config, activations } = model;
  const { hiddenSize, numHeads, headDim, rmsNormEps: eps } = config;
  const { hidden, hiddenNext, attentionOutput, gate } = activations;
  const lightning = await createLightningDecode(session, {
    format: qkvGate.format,
    hiddenSize,
    eps,
    numHeads,
    headDim,
  });
  const output = await createLightningOutputDecode(session, {
    format: outProj.format,
    hiddenSize,
    eps,
    attentionSize: numHeads * headDim,
    alpha: config.linearAttentionAlpha,
    beta: config.linearAttentionBeta,
  });
  const state = recurrentStates.get(layer)!;
  pass.add(
    lightning(`layer ${layer} lightning_decode`, {
      step,
      hidden,
      norm: inputLayernorm,
      weights: qkvGate,
      slopes,
      state,
      attentionOutput,
      gate,
    }),
  );
  pass.tap(`o.${layer}`, attentionOutput);
  pass.add(
    output(`layer ${layer} lightning_output_decode`, {
      hidden,
      norm: inputLayernorm,
      attentionOutput,
      attentionNorm,
      gate,
      weights: outProj,
      hiddenNext,
    }),
  );
  pass.tap(`middle.${layer}`, hiddenNext);
}

async function addSoftmax(
  pass: PassBuilder,
  { model, call, step, segments, partials }: PassTensors,
  layer: number,
  { inputLayernorm }: LayerWeights,
  weights: SoftmaxWeights,
): Promise<void> {
  const { session, config, activations, ropeTable } = model;
  const { hiddenSize, numHeads, numKvHeads, headDim, rmsNormEps: eps } = config;
  const { hidden, hiddenNext, softmaxQkv: qkv } = activations;
  const heads = { numHeads, numKvHeads, headDim };
  const qkvDecode = await createAttentionQkvDecode(session, { format: weights.qkv.format, hiddenSize, eps, ...heads });
  const attention = await createAttentionDecode(session, heads);
  const output = await createAttentionOutputDecode(session, {
    format: weights.oProj.format,
    hiddenSize,
    eps,
    numHeads,
    headDim,
    alpha: config.fullAttentionAlpha,
    beta: config.fullAttentionBeta,
  });
  const softmaxLayer = config.layerTypes.slice(0, layer).filter((type) => type === "full_attention").length;
  const norm = inputLayernorm;
  const name = (kernel: string) => `layer ${layer} ${kernel}`;
  pass.add(qkvDecode(name("attention_qkv_decode"), { step, hidden, norm, weights: weights.qkv, ropeTable, qkv }));
  for (const { uniform: segment, caches } of segments) {
    pass.add(attention(name("attention_decode"), { segment, step, qkv, cache: caches[softmaxLayer]!, partials }));
  }
  pass.add(
    output(name("attention_output_decode"), { call, hidden, norm, partials, weights: weights.oProj, hiddenNext }),
  );
  pass.tap(`middle.${layer}`, hiddenNext);
}

async function addExperts(
  pass: PassBuilder,
  { model }: PassTensors,
  layer: number,
  { postAttentionLayernorm: norm, router, gateUpProj, downProj }: LayerWeights,
): Promise<void> {
  const { session, config, activations } = model;
  const { hiddenSize, intermediateSize, numExperts, expertsPerToken, rmsNormEps: eps } = config;
  const { hidden, hiddenNext, expertIds, expertWeights, up } = activations;
  const sizes = { hiddenSize, eps, intermediateSize, numExperts, expertsPerToken };
  const upDecode = await createMoeUpDecode(session, { format: gateUpProj.format, ...sizes });
  const downDecode = await createMoeDownDecode(session, {
    format: downProj.format,
    ...sizes,
    alpha: config.mlpAlpha,
    beta: config.mlpBeta,
  });
  pass.add(
    upDecode(`layer ${layer} moe_up_decode`, {
      hidden: hiddenNext,
      norm,
      router,
      weights: gateUpProj,
      expertIds,
      expertWeights,
      up,
    }),
  );
  pass.add(
    downDecode(`layer ${layer} moe_down_decode`, {
      hidden: hiddenNext,
      norm,
      expertIds,
      expertWeights,
      up,
      weights: downProj,
      hiddenNext: hidden,
    }),
  );
  // The reference's last `hidden` comes after the final norm.
  if (layer + 1 < config.numLayers) pass.tap(`hidden.${layer + 1}`, hidden);
}
