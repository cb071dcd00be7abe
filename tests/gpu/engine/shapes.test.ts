// Models of other shapes than the shipped one: whatever a config may ask for runs, and equals the reference.

import { describe, expect, it } from "vitest";
import type { LayerType, ModelConfig } from "../../../src/checkpoint/model-config.ts";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { Model } from "../../../src/model/model.ts";
import { compareTaps, describeDivergence } from "../../../src/reference/compare.ts";
import { createReferenceState, referenceForward } from "../../../src/reference/model.ts";
import { readReferenceWeights } from "../../../src/reference/weights.ts";
import { useSession } from "../harness.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../made-up-model.ts";

const session = useSession();
/** f32 sums through up to 64 layers. */
const TOLERANCE = 2e-4;
const NUM_TOKENS = 21;

const [L, S] = ["linear_attention", "full_attention"] as const satisfies LayerType[];

interface Shape extends Partial<ModelConfig> {
  readonly quant?: WeightFormat;
}

/** (2 · 64)^0.25, arXiv:2203.00555: without it the difference of two roundings doubles every few layers. */
const DEEP_NORM = { linearAttentionAlpha: 3.3636, fullAttentionAlpha: 3.3636, mlpAlpha: 3.3636 };

const repeat = (type: LayerType, count: number): LayerType[] => Array<LayerType>(count).fill(type);

describe.each<[string, Shape]>([
  ["one lightning layer", { layerTypes: [L] }],
  ["one softmax layer", { layerTypes: [S] }],
  ["all lightning", { layerTypes: [L, L, L, L] }],
  ["all softmax", { layerTypes: [S, S, S, S] }],
  ["seven lightning to one softmax", { layerTypes: [...repeat(L, 7), S] }],
  ["any order", { layerTypes: [S, L, L, S, S, L] }],
  ["64 layers", { layerTypes: [...repeat(L, 31), S, ...repeat(L, 31), S], ...DEEP_NORM }],
  ["heads of 128, one KV head of six", { numHeads: 6, numKvHeads: 1, headDim: 128, rotaryFrequencies: 32 }],
  ["heads of 24, three KV heads of six", { numHeads: 6, numKvHeads: 3, headDim: 24, rotaryFrequencies: 6 }],
  ["heads of 64 with as many KV heads", { numHeads: 3, numKvHeads: 3, headDim: 64, rotaryFrequencies: 32 }],
  ["one expert", { numExperts: 1, expertsPerToken: 1 }],
  ["8 of 32 experts of 20", { numExperts: 32, expertsPerToken: 8, intermediateSize: 20 }],
  ["3 of 5 experts, tied head", { numExperts: 5, expertsPerToken: 3, tieWordEmbeddings: true }],
  ["a vocabulary of one", { vocabSize: 1 }],
  ["f16", { quant: "f16" }],
  ["q8", { quant: "q8" }],
  ["q4, hidden size 96", { quant: "q4", hiddenSize: 96, intermediateSize: 64 }],
])("a model with %s", (_, { quant = "f32", ...changes }) => {
  it("gives the reference's numbers, in blocks and by decode", async () => {
    const layerTypes = changes.layerTypes ?? MADE_UP_CONFIG.layerTypes;
    const config = { ...MADE_UP_CONFIG, vocabSize: 300, ...changes, layerTypes, numLayers: layerTypes.length };
    await compareWithReference(config, quant);
  });
});

describe("a head beyond the binding limit", () => {
  it("is cut into several bindings, and gives the reference's logits", { timeout: 300_000 }, async () => {
    // 200,064 rows of 192 f32 take 153 MB; a binding takes 128 MiB.
    const config = {
      ...MADE_UP_CONFIG,
      vocabSize: 200_064,
      hiddenSize: 192,
      layerTypes: [L],
      numLayers: 1,
      tieWordEmbeddings: true,
    };
    const model = await compareWithReference(config, "f32", [200_063, 5, 180_000, 100_000]);
    expect(model.weights.lmHead.length).toBe(2);
  });
});

async function compareWithReference(
  config: ModelConfig,
  quant: WeightFormat,
  given?: readonly number[],
): Promise<Model> {
  const ids = given ?? Array.from({ length: NUM_TOKENS }, (_, i) => (i * i * 37 + 11 * i) % config.vocabSize);
  const source = createMadeUpSource(config, createMadeUpWeights(config, 7), quant);
  const weights = await readReferenceWeights(source);
  const expected = new Map<string, Float64Array>();
  const logits = referenceForward(weights, createReferenceState(config), ids, {
    onTap: (name, values) => expected.set(name, values),
  });
  expected.set("logits", logits);
  const model = await Model.load(session(), source, { blockSize: 16 });
  const sequence = await model.createSequence(8);
  const decode = compareTaps(await sequence.replayTaps(ids), expected);
  expect(decode.map(({ name }) => name)).toContain("logits");
  expect(describeDivergence(decode, TOLERANCE), "by decode").toBeUndefined();
  if (model.weights.lmHead.length === 1) {
    sequence.clear();
    const blocks = compareTaps((await sequence.prefill(ids, { output: "taps" }))!, expected);
    expect(blocks.map(({ name }) => name)).toContain("logits");
    expect(describeDivergence(blocks, TOLERANCE), "in blocks").toBeUndefined();
  }
  sequence.destroy();
  model.destroy();
  return model;
}
