import { expect, it } from "vitest";
import { fuzzSafetensors } from "./fuzz-safetensors.ts";

it("a spoiled safetensors file is refused by name, or its tensors tile it", async () => {
  const { accepted, refused } = await fuzzSafetensors(1, 5_000);
  expect(accepted).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(500);
});
