// The architecture of one model, in the names of the checkpoint and the paper. Parsed from a Hugging Face
// `config.json` (hf-config.ts) at export, and from the manifest (manifest.ts) when a model is loaded.

export type LayerType = "linear_attention" | "full_attention";

/** The numbers that define a MiniMax-01-style model; every field is checked before it gets here. */
export interface ModelConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** Width of one expert. */
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
  readonly rmsNormEps: number;
  /** (num_layers) */
  readonly layerTypes: readonly LayerType[];
  /** RoPE base; the first `rotaryFrequencies` of head_dim/2 channels rotate by ropeTheta^(-2j/head_dim), the rest do not. */
  readonly ropeTheta: number;
  readonly rotaryFrequencies: number;
  readonly linearAttentionAlpha: number;
  readonly linearAttentionBeta: number;
  readonly fullAttentionAlpha: number;
  readonly fullAttentionBeta: number;
  readonly mlpAlpha: number;
  readonly mlpBeta: number;
  readonly tieWordEmbeddings: boolean;
  readonly maxPositionEmbeddings: number;
  /** Tokens the model was trained to read; null when the checkpoint does not say. */
  readonly trainedContextLength: number | null;
  /** Ids that end an answer. */
  readonly endTokenIds: readonly number[];
}
