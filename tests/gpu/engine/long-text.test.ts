// What tests/long/long-text.test.ts shows of texts of tens of thousands of tokens, on one of a few thousand.

import { expect, it } from "vitest";
import { Model } from "../../../src/model/model.ts";
import { useSession } from "../harness.ts";
import { createTinySource, heapGrowth, readWithRestore, soak } from "./long-text.ts";

const session = useSession();

it("1,500 tokens, read with a restore in the middle, give the reference's logits", async () => {
  // f32 sums of a state and of keys over the whole text.
  expect(await readWithRestore(session(), 1500)).toBeLessThan(1e-5);
});

it("over 3,000 tokens nothing grows but keys, by exactly what a token takes", async () => {
  const model = await Model.load(session(), createTinySource(), { blockSize: 64, kvFormat: "i8" });
  const result = await soak(model, 3000);
  // One softmax layer with one KV head of 16 in i8: key and value, with a scale each.
  expect(result.bytesPerToken).toBe(2 * (16 + 4));
  expect(result.segmentLengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(1.5 * 3064);
  expect(heapGrowth(result)).toBeLessThan(0.1);
  model.destroy();
});
