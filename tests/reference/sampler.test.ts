import { describe, expect, it } from "vitest";
import { GREEDY } from "../../src/kernels/call.ts";
import { uniformDraw } from "../../src/reference/philox.ts";
import { argmax, distribution, draw, penalise, sample } from "../../src/reference/sampler.ts";
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
  it("changes only tokens that were seen, repetition by sign, frequency by count, presence once", () => {
    const sampling = { ...NEUTRAL, repetitionPenalty: 2, frequencyPenalty: 0.25, presencePenalty: 0.5 };
    expect([...penalise([4, 4, -4, 0], [0, 1, 3, 2], sampling)]).toEqual([4, 1.25, -9.25, -1]);
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
    expect(sample([1, 3, 2, 3], [0, 1, 0, 0], { ...GREEDY, presencePenalty: 0.5 }, 0)).toBe(3);
  });

  it("draws by seed and position alone", () => {
    const logits = Float64Array.from({ length: 1000 }, (_, id) => Math.sin(id));
    const counts = new Uint32Array(1000);
    const shares = distribution(logits, NEUTRAL);
    for (const [seed, position] of [
      [1, 1],
      [1, 2],
      [2, 1],
      [4294967295, 4194303],
    ]) {
      const token = sample(logits, counts, { ...NEUTRAL, seed }, position);
      expect(token).toBe(draw(shares, uniformDraw(seed, position)));
    }
    const tokens = Array.from({ length: 50 }, (_, position) =>
      sample(logits, counts, { ...NEUTRAL, seed: 5 }, position),
    );
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
