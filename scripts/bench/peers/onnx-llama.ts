// A model of the kind that onnxruntime-web is made for, with as many multiply-adds a token as a Relampago model: Llama's
// architecture (softmax attention in every layer, a dense MLP, the norm before each block), made-up q4 weights.

import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import { toHalf } from "../../../src/checkpoint/quantize.ts";
import { GROUP_SIZE } from "../../../src/checkpoint/weight-source.ts";
import { type AccuracyLevel, OnnxBuilder } from "./onnx-builder.ts";
import type { QuantRows } from "./stored-tensors.ts";

/** Weights come from -8 to 7 times a scale: about as large as those of a model of some hundred columns. */
const SCALE_BITS = toHalf(0.01);

/** The same but for its layers: all softmax attention, and an MLP as wide as the multiply-adds a token allow. */
export function llamaConfig(config: ModelConfig): ModelConfig {
  const { numLayers, hiddenSize, layerTypes } = config;
  const perLayer = 2 * hiddenSize * (config.numHeads + config.numKvHeads) * config.headDim;
  const unitsPerLayer = numLayers * 3 * hiddenSize;
  const mlp = countMultiplyAdds(config) - numLayers * perLayer - config.vocabSize * hiddenSize;
  return {
    ...config,
    layerTypes: layerTypes.map(() => "full_attention"),
    intermediateSize: Math.round(mlp / unitsPerLayer / GROUP_SIZE) * GROUP_SIZE,
    ropeTheta: 10_000,
    rotaryFrequencies: config.headDim / 2,
  };
}

/** Of one token, without the softmax layers' scores: projections, recurrent states, router, experts, head. */
export function countMultiplyAdds(config: ModelConfig): number {
  const { numHeads, numKvHeads, headDim, hiddenSize, layerTypes } = config;
  const width = numHeads * headDim;
  const lightning = 5 * width * hiddenSize + 2 * width * headDim;
  const softmax = 2 * hiddenSize * (numHeads + numKvHeads) * headDim;
  const experts = 3 * config.expertsPerToken * config.intermediateSize * hiddenSize + config.numExperts * hiddenSize;
  const attention = layerTypes.map((type) => (type === "linear_attention" ? lightning : softmax));
  return attention.reduce((sum, count) => sum + count + experts, 0) + config.vocabSize * hiddenSize;
}

/** The file's bytes, of llamaConfig's result. */
export function createLlamaOnnx(config: ModelConfig, accuracyLevel: AccuracyLevel): Uint8Array {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, vocabSize } = config;
  const builder = new OnnxBuilder(config, accuracyLevel);
  const random = new Random();
  const normWeight = new Float32Array(hiddenSize).fill(1);
  let hidden = builder.embed(Float32Array.from({ length: vocabSize * hiddenSize }, () => random.next() / 8));
  let block: string | undefined;
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = (part: string) => `llama.${layer}/${part}`;
    if (block === undefined) {
      builder.norm(hidden, normWeight, config.rmsNormEps, name("x"));
    } else {
      builder.normOfSum(block, hidden, normWeight, name("x"), name("hidden"));
      hidden = name("hidden");
    }
    const qkvRows = (numHeads + 2 * numKvHeads) * headDim;
    builder.product(name("x"), random.rows(4, qkvRows, hiddenSize), name("qkv"));
    builder.attention(layer, name("qkv"), name("o"));
    builder.product(name("o"), random.rows(4, hiddenSize, numHeads * headDim), name("attended"));
    builder.normOfSum(name("attended"), hidden, normWeight, name("y"), name("middle"));
    hidden = name("middle");
    builder.product(name("y"), random.rows(4, intermediateSize, hiddenSize), name("gate"));
    builder.product(name("y"), random.rows(4, intermediateSize, hiddenSize), name("up"));
    builder.silu(name("gate"), name("silu"));
    builder.graph.node("Mul", [name("silu"), name("up")], [name("gated")]);
    block = builder.product(name("gated"), random.rows(4, hiddenSize, intermediateSize), name("down"));
  }
  builder.head(builder.normOfSum(block!, hidden, normWeight, "normed"), random.rows(8, vocabSize, hiddenSize));
  return builder.graph.encode("llama");
}

/** Whole numbers from -8 to 7: a linear congruential generator. */
class Random {
  #state = 1;

  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return (this.#state >>> 28) - 8;
  }

  rows(bits: 4 | 8, numRows: number, numColumns: number): QuantRows {
    const quants = Int8Array.from({ length: numRows * numColumns }, () => this.next());
    const scaleBits = new Uint16Array(quants.length / GROUP_SIZE).fill(SCALE_BITS);
    return { bits, numRows, numColumns, quants, scaleBits };
  }
}
