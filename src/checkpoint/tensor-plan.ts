// Which tensors a model has: canonical name, kind and shape. The converter, the manifest's check and the loader agree on it.

import type { ModelConfig } from "./model-config.ts";
import type { WeightFormat } from "./weight-source.ts";

/** Tensors of one kind share a format. */
export type TensorKind = "embedding" | "attention" | "experts" | "router" | "norm";

export interface PlannedTensor {
  /** e.g. `model.layers.0.mlp.experts.gate_up_proj`; docs/format.md lists them. */
  readonly name: string;
  readonly kind: TensorKind;
  readonly shape: readonly number[];
}

/** In storage order: as a pass reads them. */
export function planTensors(config: ModelConfig): PlannedTensor[] {
  const { vocabSize, hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, numExperts } = config;
  const width = numHeads * headDim;
  const kvWidth = numKvHeads * headDim;
  const layers = config.layerTypes.flatMap((type, layer): PlannedTensor[] => {
    const prefix = `model.layers.${layer}`;
    const attention = (name: string, ...shape: number[]): PlannedTensor => {
      return { name: `${prefix}.self_attn.${name}.weight`, kind: "attention", shape };
    };
    return [
      { name: `${prefix}.input_layernorm.weight`, kind: "norm", shape: [hiddenSize] },
      ...(type === "linear_attention"
        ? [
            attention("qkv_proj", 3 * width, hiddenSize),
            attention("output_gate", width, hiddenSize),
            { name: `${prefix}.self_attn.norm.weight`, kind: "norm" as const, shape: [width] },
            attention("out_proj", hiddenSize, width),
          ]
        : [
            attention("q_proj", width, hiddenSize),
            attention("k_proj", kvWidth, hiddenSize),
            attention("v_proj", kvWidth, hiddenSize),
            attention("o_proj", hiddenSize, width),
          ]),
      { name: `${prefix}.post_attention_layernorm.weight`, kind: "norm", shape: [hiddenSize] },
      { name: `${prefix}.mlp.gate.weight`, kind: "router", shape: [numExperts, hiddenSize] },
      {
        name: `${prefix}.mlp.experts.gate_up_proj`,
        kind: "experts",
        shape: [numExperts, 2 * intermediateSize, hiddenSize],
      },
      { name: `${prefix}.mlp.experts.down_proj`, kind: "experts", shape: [numExperts, hiddenSize, intermediateSize] },
    ];
  });
  const head: PlannedTensor[] = config.tieWordEmbeddings
    ? []
    : [{ name: "lm_head.weight", kind: "embedding", shape: [vocabSize, hiddenSize] }];
  return [
    { name: "model.embed_tokens.weight", kind: "embedding", shape: [vocabSize, hiddenSize] },
    ...layers,
    { name: "model.norm.weight", kind: "norm", shape: [hiddenSize] },
    ...head,
  ];
}

/** The format of a kind when projections and experts are exported as `quant`. */
export function formatOf(kind: TensorKind, quant: WeightFormat): WeightFormat {
  if (kind === "norm" || kind === "router") return "f32";
  return kind === "embedding" && quant === "q4" ? "q8" : quant;
}

export function numParametersOf(config: ModelConfig): number {
  return planTensors(config).reduce(
    (sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1),
    0,
  );
}
