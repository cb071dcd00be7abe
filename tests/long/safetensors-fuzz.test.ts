import { expect, it } from "vitest";
import { fuzzSafetensors } from "../checkpoint/fuzz-safetensors.ts";

it.each([2, 3, 4, 5])(
  "300,000 spoiled safetensors files, seed %i, are refused by name, or their tensors tile them",
  async (seed) => {
    const { accepted, refused } = await fuzzSafetensors(seed, 300_000);
    expect(accepted).toBeGreaterThan(30_000);
    expect(refused).toBeGreaterThan(30_000);
  },
);
