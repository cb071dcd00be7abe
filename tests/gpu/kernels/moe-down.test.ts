import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createMoeDown } from "../../../src/kernels/moe-down.ts";
import { moeDown } from "../../../src/reference/kernels/moe-down.ts";
import { moeSort } from "../../../src/reference/kernels/moe-sort.ts";
import {
  columnsFor,
  createOutput,
  createRandom,
  randomArray,
  readWritten,
  relativeError,
  run,
  upload,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();

interface Shape {
  readonly numTokens: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("moe_down with %s weights", (format) => {
  it.each<Shape>([
    { numTokens: 1, hiddenSize: 32, intermediateSize: 32, numExperts: 1, expertsPerToken: 1 },
    // Columns that end inside a group of 32, and experts without tokens.
    { numTokens: 37, hiddenSize: 96, intermediateSize: 48, numExperts: 5, expertsPerToken: 2 },
    { numTokens: 3, hiddenSize: 96, intermediateSize: 36, numExperts: 12, expertsPerToken: 1 },
    { numTokens: 100, hiddenSize: 384, intermediateSize: 160, numExperts: 8, expertsPerToken: 2 },
  ])(
    "multiplies $expertsPerToken gated choices of $numTokens tokens by $numExperts experts of ($hiddenSize, $intermediateSize)",
    async (shape) => {
      const { numTokens, hiddenSize, numExperts, expertsPerToken } = shape;
      const intermediateSize = columnsFor(format, shape.intermediateSize);
      const random = createRandom(numTokens + intermediateSize);
      const numSlots = numTokens * expertsPerToken;
      const ids = Array.from({ length: numSlots }, () => Math.floor(((random() + 1) / 2) * numExperts));
      const sorted = moeSort(ids, numExperts);
      const upValues = randomArray(random, numSlots * 2 * intermediateSize, 5);
      const numRows = numExperts * hiddenSize;
      const rows = randomArray(random, numRows * intermediateSize);
      const weights = uploadWeights(session(), "down_proj", format, numRows, intermediateSize, rows);
      const down = createOutput(session(), "down", [numTokens + 20, expertsPerToken * hiddenSize]);
      const create = await createMoeDown(session(), {
        format,
        hiddenSize,
        intermediateSize,
        numExperts,
        expertsPerToken,
      });
      const tensors = {
        up: upload(session(), "up", [numSlots, 2 * intermediateSize], upValues),
        expertOffsets: upload(session(), "expert offsets", [numExperts + 1], Uint32Array.from(sorted.expertOffsets)),
        sortedSlots: upload(session(), "sorted slots", [numSlots], Uint32Array.from(sorted.sortedSlots)),
        weights: weights.matrix,
        down,
      };
      run(session(), [create("moe_down", tensors)], numTokens + 40);
      const actual = await readWritten(session(), down, numSlots * hiddenSize);
      // Sums of up to 160 products in f32, each with an exponential: some 1e-7 of the largest.
      expect(relativeError(actual, moeDown(upValues, sorted, weights.values, intermediateSize))).toBeLessThan(2e-6);
    },
  );
});
