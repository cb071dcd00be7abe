import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import { createSampling, MAX_SEED } from "../../src/ui/state/sampling.ts";
import type { ReadyModel } from "../../src/worker/messages-model.ts";
import { MODEL } from "./test-page.ts";

function create(model: ReadyModel | null = MODEL) {
  let seed = 0;
  return createSampling(signal(model), () => ++seed);
}

test("the defaults are the model's, and a short context bounds the answer", () => {
  expect(create().settings.value).toEqual({ ...MODEL.defaultSampling, seed: 0, isSeedRandom: true, maxTokens: 512 });
  expect(create({ ...MODEL, contextLength: 100 }).settings.value.maxTokens).toBe(100);
});

test("values beyond a range move to its end, whole numbers are rounded, and what is no number changes nothing", () => {
  const sampling = create();
  sampling.change("temperature", 9);
  sampling.change("topK", 7.6);
  sampling.change("topP", -1);
  sampling.change("seed", 2 ** 40);
  sampling.change("maxTokens", 0);
  sampling.change("minP", Number.NaN);
  expect(sampling.settings.value).toMatchObject({
    temperature: 2,
    topK: 8,
    topP: 0.05,
    minP: 0.05,
    seed: MAX_SEED,
    maxTokens: 1,
  });
});

test("a random seed is new for each answer, a chosen one stays", () => {
  const sampling = create();
  expect([sampling.draw().sampling.seed, sampling.draw().sampling.seed]).toEqual([1, 2]);
  sampling.setSeedRandom(false);
  sampling.change("seed", 7);
  expect([sampling.draw().sampling.seed, sampling.draw().sampling.seed]).toEqual([7, 7]);
});

test("temperature 0 and a maximum length reach the answer", () => {
  const sampling = create();
  sampling.change("temperature", 0);
  sampling.change("maxTokens", 33);
  expect(sampling.draw()).toEqual({ sampling: { ...MODEL.defaultSampling, temperature: 0, seed: 1 }, maxTokens: 33 });
});

test("reset goes back to the model's defaults", () => {
  const sampling = create();
  expect(sampling.isDefault.value).toBe(true);
  sampling.change("topK", 3);
  expect(sampling.isDefault.value).toBe(false);
  sampling.reset();
  expect(sampling.settings.value.topK).toBe(20);
  sampling.setSeedRandom(false);
  expect(sampling.isDefault.value).toBe(false);
  sampling.reset();
  expect(sampling.isDefault.value).toBe(true);
});
