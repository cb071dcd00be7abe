import { describe, expect, it } from "vitest";
import { expectLogitBias, GREEDY } from "../../src/kernels/call.ts";
import { uniformDraw } from "../../src/reference/philox.ts";
import { addLogitBias, argmax, distribution, draw, penalise, sample } from "../../src/reference/sampler.ts";
import { chiSquaredExcess } from "./chi-squared.ts";
import { SETTINGS, skewedLogits } from "./sampling-settings.ts";

const NEUTRAL = { ...GREEDY, temperature: 1 };
/** Logits whose softmax is these probabilities. */
const logitsOf = (...probabilities: number[]) => Float64Array.from(probabilities, Math.log);
const rounded = (probabilities: Float64Array) => Array.from(probabilities, (p) => Number(p.toFixed(12)));

describe("distribution", () => {
  it("is the softmax when every filter is off", () => {
    expect(rounded(distribution(logitsOf(0.5, 0.3, 0.2), NEUTRAL))).toEqual([0.5, 0.3, 0.2]);
  });

  it("divides the logits by the temperature", () => {
    const squared = [0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38].map((p) => Number(p.toFixed(12)));
    expect(rounded(distribution(logitsOf(0.5, 0.3, 0.2), { ...NEUTRAL, temperature: 0.5 }))).toEqual(squared);
  });

  it("keeps the top k and everything equal to the k-th", () => {
    expect(rounded(distribution(logitsOf(0.1, 0.4, 0.3, 0.2), { ...NEUTRAL, topK: 2 }))).toEqual([
      0,
      Number((4 / 7).toFixed(12)),
      Number((3 / 7).toFixed(12)),
      0,
    ]);
    expect(rounded(distribution(Float64Array.of(1, 1, 0, 1), { ...NEUTRAL, topK: 2 }))).toEqual(
      [1 / 3, 1 / 3, 0, 1 / 3].map((p) => Number(p.toFixed(12))),
    );
    expect(rounded(distribution(logitsOf(0.6, 0.4), { ...NEUTRAL, topK: 9 }))).toEqual([0.6, 0.4]);
  });

  it("keeps with top-p the token that crosses the border and drops the next", () => {
    const logits = logitsOf(0.1, 0.4, 0.3, 0.2);
    const numKept = (topP: number) => distribution(logits, { ...NEUTRAL, topP }).filter((p) => p > 0).length;
    expect([0, 0.39, 0.41, 0.69, 0.71, 0.89, 0.91, 1].map(numKept)).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
  });

  it("keeps or drops equal logits together in top-p", () => {
    const logits = logitsOf(0.2, 0.4, 0.2, 0.2);
    expect(rounded(distribution(logits, { ...NEUTRAL, topP: 0.5 }))).toEqual([0.2, 0.4, 0.2, 0.2]);
    expect(rounded(distribution(logits, { ...NEUTRAL, topP: 0.3 }))).toEqual([0, 1, 0, 0]);
  });

  it("measures min-p against the largest probability", () => {
    const numKept = (minP: number) =>
      distribution(logitsOf(0.5, 0.3, 0.2), { ...NEUTRAL, minP }).filter((p) => p > 0).length;
    expect([0.39, 0.41, 0.59, 0.61, 1].map(numKept)).toEqual([3, 2, 2, 1, 1]);
  });

  it("renormalises after top-k before top-p is measured, and takes the temperature first", () => {
    // Of all, 0.4 + 0.3 is under 0.75; of the top three it is 7/9, and the third is dropped.
    const sampling = { ...NEUTRAL, topK: 3, topP: 0.75 };
    expect(distribution(logitsOf(0.4, 0.3, 0.2, 0.1), sampling).filter((p) => p > 0)).toHaveLength(2);
    expect(distribution(logitsOf(0.4, 0.3, 0.2, 0.1), { ...sampling, topK: 0 }).filter((p) => p > 0)).toHaveLength(3);
    // At temperature 0.5 the probabilities are squared: 0.16 / 0.3 of the top one is over a half.
    const squared = { ...NEUTRAL, temperature: 0.5, topP: 0.5 };
    expect(distribution(logitsOf(0.4, 0.3, 0.2, 0.1), squared).filter((p) => p > 0)).toHaveLength(1);
  });
});

describe("penalise", () => {
  const logits = [4, 4, -4, 0, 4, -4];
  const seen = { inPrompt: [0, 0, 0, 0, 1, 1], numDrawn: [0, 1, 3, 2, 0, 2] };

  it("changes what was drawn: repetition by sign, frequency by count, presence once", () => {
    const sampling = { ...NEUTRAL, repetitionPenalty: 2, frequencyPenalty: 0.25, presencePenalty: 0.5 };
    expect([...penalise(logits, seen, sampling)]).toEqual([4, 1.25, -9.25, -1, 2, -9]);
  });

  it("counts the prompt for repetition alone", () => {
    const prompt = { inPrompt: [0, 1, 1, 1, 1, 0], numDrawn: [0, 0, 0, 0, 0, 0] };
    expect([...penalise(logits, prompt, { ...NEUTRAL, repetitionPenalty: 2 })]).toEqual([4, 2, -8, 0, 2, -4]);
    const others = { ...NEUTRAL, frequencyPenalty: 0.25, presencePenalty: 0.5 };
    expect([...penalise(logits, prompt, others)]).toEqual(logits);
  });
});

describe("a logit bias", () => {
  it("is added to its tokens' logits alone", () => {
    const logitBias = [
      { tokenId: 2, bias: -100 },
      { tokenId: 0, bias: 1.5 },
    ];
    expect([...addLogitBias([1, 2, 3, 4], { ...NEUTRAL, logitBias })]).toEqual([2.5, 2, -97, 4]);
  });

  it("comes before the penalties", () => {
    // 1 + 2 = 3 is divided to 1.5, under 2; were it 1 / 2 + 2, it would win.
    const sampling = { ...GREEDY, repetitionPenalty: 2, logitBias: [{ tokenId: 0, bias: 2 }] };
    expect(sample([1, 2], { inPrompt: [1, 0], numDrawn: [0, 0] }, sampling, 0)).toBe(1);
  });

  it("is refused for other tokens than the vocabulary's, given twice, too often, or out of range", () => {
    const expectRefusal = (message: string, ...biases: [tokenId: number, bias: number][]) => {
      const logitBias = biases.map(([tokenId, bias]) => ({ tokenId, bias }));
      expect(() => expectLogitBias(logitBias, 300)).toThrow(new RangeError(message));
    };
    expectRefusal("logitBias: expected token ids from 0 to 299, got 300", [5, 1], [300, 1]);
    expectRefusal("logitBias: expected token ids from 0 to 299, got -1", [-1, 1]);
    expectRefusal("logitBias: expected token ids from 0 to 299, got 1.5", [1.5, 1]);
    expectRefusal("logitBias: expected token ids from 0 to 299, got NaN", [NaN, 1]);
    expectRefusal("logitBias: expected each token once, got 5 twice", [5, 1], [6, 1], [5, 1]);
    expectRefusal("logitBias of token 5: expected a number from -100 to 100, got NaN", [5, NaN]);
    expectRefusal("logitBias of token 5: expected a number from -100 to 100, got -Infinity", [5, -Infinity]);
    expectRefusal("logitBias of token 5: expected a number from -100 to 100, got 100.5", [5, 100.5]);
    const many = Array.from({ length: 17 }, (_, tokenId): [number, number] => [tokenId, 1]);
    expectRefusal("logitBias: expected at most 16 tokens, got 17", ...many);
    const most = many.slice(1).map(([tokenId]) => ({ tokenId, bias: 100 }));
    expect(() => expectLogitBias([...most.slice(1), { tokenId: 299, bias: -100 }], 300)).not.toThrow();
  });
});

describe("sample", () => {
  it("draws the token whose share holds u, in the order of ids", () => {
    expect([0, 0.29, 0.31, 0.79, 0.81, 0.999].map((u) => draw([0.3, 0, 0.5, 0, 0.2, 0], u))).toEqual([
      0, 0, 2, 2, 4, 4,
    ]);
  });

  it("takes the lower id of equals at temperature 0, after the penalties", () => {
    expect(argmax([1, 3, 2, 3])).toBe(1);
    const seen = { inPrompt: [0, 0, 0, 0], numDrawn: [0, 1, 0, 0] };
    expect(sample([1, 3, 2, 3], seen, { ...GREEDY, presencePenalty: 0.5 }, 0)).toBe(3);
  });

  it("draws by seed and position alone", () => {
    const logits = Float64Array.from({ length: 1000 }, (_, id) => Math.sin(id));
    const seen = { inPrompt: new Uint32Array(1000), numDrawn: new Uint32Array(1000) };
    const shares = distribution(logits, NEUTRAL);
    for (const [seed, position] of [
      [1, 1],
      [1, 2],
      [2, 1],
      [4294967295, 4194303],
    ]) {
      const token = sample(logits, seen, { ...NEUTRAL, seed }, position);
      expect(token).toBe(draw(shares, uniformDraw(seed, position)));
    }
    const tokens = Array.from({ length: 50 }, (_, position) => sample(logits, seen, { ...NEUTRAL, seed: 5 }, position));
    expect(new Set(tokens).size).toBeGreaterThan(30);
  });
});

describe("100,000 draws", () => {
  it.each(Object.entries(SETTINGS))("with %s have the distribution's frequencies", (_, sampling) => {
    const shares = distribution(skewedLogits(300), sampling);
    const counts = new Uint32Array(300);
    for (let position = 0; position < 100_000; position++)
      counts[draw(shares, uniformDraw(sampling.seed, position))] += 1;
    expect(Math.abs(chiSquaredExcess(counts, shares))).toBeLessThan(4);
    const warmer = distribution(skewedLogits(300), { ...sampling, temperature: 1.25 * sampling.temperature });
    expect(chiSquaredExcess(counts, warmer)).toBeGreaterThan(4);
  });
});
