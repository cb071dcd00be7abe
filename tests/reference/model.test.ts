import { beforeAll, describe, expect, it } from "vitest";
import { lightningBlock } from "../../src/reference/lightning-block.ts";
import {
  createReferenceState,
  inverseFrequencies,
  lightningRecurrent,
  referenceForward,
  type ReferenceState,
  rotate,
  route,
  slope,
} from "../../src/reference/model.ts";
import type { ReferenceWeights } from "../../src/reference/weights.ts";
import { argmax } from "../../src/reference/sampler.ts";
import { largestError, readGolden, type Golden } from "./golden.ts";

/** Transformers keeps some tables in float32: the golden values are exact to 4e-7 of a tensor's largest. */
const GOLDEN_TOLERANCE = 2e-6;
/** Float64 sums in another order. */
const SPLIT_TOLERANCE = 1e-12;

describe.each([
  { name: "golden-tiny", numPrompts: 3 },
  { name: "golden-original", numPrompts: 3 },
  { name: "golden-wide", numPrompts: 2 },
  { name: "golden-fused", numPrompts: 2 },
])("the reference on $name", ({ name, numPrompts }) => {
  let golden: Golden;
  beforeAll(async () => {
    golden = await readGolden(name);
  });

  describe.each([
    { form: "token by token", options: {} },
    { form: "in blocks of 16", options: { blockSize: 16 } },
  ])("with lightning attention $form", ({ options }) => {
    it("gives Transformers' hidden states, router logits and logits for every prompt", { timeout: 60_000 }, () => {
      const { numLayers } = golden.weights.config;
      expect(golden.prompts).toHaveLength(numPrompts);
      for (const [prompt, { ids, tensors }] of golden.prompts.entries()) {
        const errors = new Map<string, number>();
        const compare = (tap: string, values: Float64Array) => {
          const expected = tensors.get(tap);
          if (expected) errors.set(tap, largestError(values, expected));
        };
        const state = createReferenceState(golden.weights.config);
        compare("logits", referenceForward(golden.weights, state, ids, { ...options, onTap: compare }));
        expect([...errors.keys()].sort(), `prompt ${prompt}`).toEqual([...tensors.keys()].sort());
        expect(errors.size).toBe(2 * numLayers + 2);
        for (const [tap, error] of errors)
          expect(error, `prompt ${prompt}, ${tap}`).toBeLessThanOrEqual(GOLDEN_TOLERANCE);
        expect(state.position).toBe(ids.length);
      }
    });

    it("writes Transformers' greedy text", () => {
      const { weights, greedy } = golden;
      const state = createReferenceState(weights.config);
      const ids = [...greedy.subarray(0, 12)];
      let logits = referenceForward(weights, state, ids, options);
      while (ids.length < greedy.length) {
        ids.push(argmax(logits.subarray(logits.length - weights.config.vocabSize)));
        logits = referenceForward(weights, state, ids.slice(-1), options);
      }
      expect(ids).toEqual([...greedy]);
    });
  });
});

describe.each(["golden-tiny", "golden-fused"])("a prompt of %s read in parts", (name) => {
  let golden: Golden;
  let ids: Int32Array;
  let tokenByToken: { logits: Float64Array; state: ReferenceState };
  beforeAll(async () => {
    golden = await readGolden(name);
    ids = golden.prompts.at(-1)!.ids;
    tokenByToken = readInParts(golden.weights, ids, Array<number>(ids.length).fill(1));
  });

  it.each([
    { sizes: [1000], blockSize: undefined },
    { sizes: [1000], blockSize: 1 },
    { sizes: [1000], blockSize: 1000 },
    { sizes: [1000], blockSize: 7 },
    { sizes: [1, 1000], blockSize: 32 },
    { sizes: [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1000], blockSize: 64 },
    { sizes: [13, 1, 1, 29, 2, 1000], blockSize: 5 },
    { sizes: [64, 1000], blockSize: 64 },
    { sizes: [20, 20, 1, 1000], blockSize: undefined },
  ])("of $sizes tokens, in lightning blocks of $blockSize, equals token by token", ({ sizes, blockSize }) => {
    const { logits, state } = readInParts(golden.weights, ids, sizes, blockSize);
    expect(largestError(logits, tokenByToken.logits)).toBeLessThanOrEqual(SPLIT_TOLERANCE);
    expect(state.position).toBe(ids.length);
    for (const [layer, { recurrentState, keyCache, valueCache }] of state.layers.entries()) {
      const expected = tokenByToken.state.layers[layer];
      if (recurrentState.length > 0) {
        expect(largestError(recurrentState, expected.recurrentState)).toBeLessThanOrEqual(SPLIT_TOLERANCE);
      } else {
        expect(largestError(keyCache, expected.keyCache)).toBeLessThanOrEqual(SPLIT_TOLERANCE);
        expect(largestError(valueCache, expected.valueCache)).toBeLessThanOrEqual(SPLIT_TOLERANCE);
      }
    }
  });
});

function readInParts(weights: ReferenceWeights, ids: Int32Array, sizes: readonly number[], blockSize?: number) {
  const { config } = weights;
  const state = createReferenceState(config);
  const logits = new Float64Array(ids.length * config.vocabSize);
  for (const size of sizes) {
    const start = state.position;
    const part = referenceForward(weights, state, ids.subarray(start, start + size), blockSize ? { blockSize } : {});
    logits.set(part, start * config.vocabSize);
  }
  return { logits, state };
}

describe("the golden values tell apart", () => {
  let golden: Golden;
  beforeAll(async () => {
    golden = await readGolden("golden-tiny");
  });

  /** Error of the logits of prompt 0 from its 20th token on, read after `change` to the state of the first 20. */
  function errorAfter(change: (state: ReferenceState) => void, weights = golden.weights): number {
    const { ids, tensors } = golden.prompts[0];
    const state = createReferenceState(weights.config);
    referenceForward(weights, state, ids.subarray(0, 20));
    change(state);
    const logits = referenceForward(weights, state, ids.subarray(20));
    return largestError(logits, tensors.get("logits")!.subarray(20 * weights.config.vocabSize));
  }

  it("nothing that is right", () => {
    expect(errorAfter(() => undefined)).toBeLessThanOrEqual(GOLDEN_TOLERANCE);
  });

  it("a recurrent state that was lost, or kept from another text", () => {
    expect(errorAfter((state) => state.layers[3].recurrentState.fill(0))).toBeGreaterThan(1e-4);
    const { weights, prompts } = golden;
    const other = createReferenceState(weights.config);
    referenceForward(weights, other, prompts[1].ids);
    const fresh = createReferenceState(weights.config);
    fresh.layers[0].recurrentState.set(other.layers[0].recurrentState);
    const logits = referenceForward(weights, fresh, prompts[0].ids);
    expect(largestError(logits, prompts[0].tensors.get("logits")!)).toBeGreaterThan(1e-4);
  });

  it("keys that stand one position off", () => {
    const { config } = golden.weights;
    const oneOff = errorAfter(({ layers }) => {
      const { keyCache } = layers.find((layer) => layer.keyCache.length > 0)!;
      const numRows = keyCache.length / config.headDim;
      for (const [i, value] of rotate(keyCache, 1, numRows, inverseFrequencies(config)).entries()) keyCache[i] = value;
    });
    expect(oneOff).toBeGreaterThan(1e-4);
  });

  it("slopes of other layers", () => {
    const { config } = golden.weights;
    const deeper = { ...golden.weights, config: { ...config, numLayers: config.numLayers + 1 } };
    expect(errorAfter(() => undefined, deeper)).toBeGreaterThan(1e-4);
  });
});

describe("the parts", () => {
  it("slope is the paper's for the first and last head and layer", () => {
    expect(slope(0, 0, 4, 8)).toBeCloseTo(2 ** -2 * (1 + 1e-5), 15);
    expect(slope(3, 7, 4, 8)).toBeCloseTo(2 ** -8 * (1 - 7 / (7 + 1e-5) + 1e-5), 15);
    expect(slope(0, 0, 1, 1)).toBeCloseTo(2 ** -8 * (1 + 1e-5), 15);
  });

  it("both forms of lightning attention agree from a state that is not zero", () => {
    const [numTokens, slopes, headDim] = [37, [0.3, 0.02, 2.5], 5];
    const numbers = (length: number, phase: number) => Float64Array.from({ length }, (_, i) => Math.sin(i * i + phase));
    const qkv = numbers(numTokens * slopes.length * 3 * headDim, 0);
    const start = numbers(slopes.length * headDim ** 2, 1);
    const recurrent = start.slice();
    const expected = lightningRecurrent(qkv, recurrent, slopes, headDim);
    for (const blockSize of [1, 2, 8, 36, 37, 64]) {
      const state = start.slice();
      const o = lightningBlock(qkv, state, slopes, headDim, blockSize);
      expect(largestError(o, expected)).toBeLessThanOrEqual(SPLIT_TOLERANCE);
      expect(largestError(state, recurrent)).toBeLessThanOrEqual(SPLIT_TOLERANCE);
    }
  });

  it("rotate turns channel j with channel j + head_dim/2, and leaves frequency 0 alone", () => {
    const rotated = rotate([1, 2, 3, 4], 2, 1, [Math.PI / 4, 0]);
    for (const [i, value] of [-3, 2, 1, 4].entries()) expect(rotated[i]).toBeCloseTo(value, 14);
  });

  it("route takes the lower index of equals and weights that sum to 1", () => {
    const { expertIds, expertWeights } = route([1, 3, 0, 3, 3], 2);
    expect(expertIds).toEqual([1, 3]);
    expect(expertWeights).toEqual([0.5, 0.5]);
    const uneven = route([Math.log(2), -9, Math.log(6)], 2);
    expect(uneven.expertIds).toEqual([2, 0]);
    expect(uneven.expertWeights[0]).toBeCloseTo(0.75, 15);
  });

  it("a token id beyond the vocabulary is an error", async () => {
    const { weights } = await readGolden("golden-tiny");
    const read = () => referenceForward(weights, createReferenceState(weights.config), [256]);
    expect(read).toThrow("token id: expected 0 to 255, got 256");
  });
});
