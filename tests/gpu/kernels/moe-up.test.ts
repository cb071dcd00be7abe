import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createMoeUp } from "../../../src/kernels/moe-up.ts";
import { moeSort } from "../../../src/reference/kernels/moe-sort.ts";
import { moeUp } from "../../../src/reference/kernels/moe-up.ts";
import {
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

async function expectUp(format: WeightFormat, shape: Shape, expertIds: number[]): Promise<void> {
  const { numTokens, hiddenSize, intermediateSize, numExperts, expertsPerToken } = shape;
  const random = createRandom(numTokens + intermediateSize);
  const normedValues = randomArray(random, numTokens * hiddenSize);
  const numRows = numExperts * 2 * intermediateSize;
  const weights = uploadWeights(
    session(),
    "gate_up_proj",
    format,
    numRows,
    hiddenSize,
    randomArray(random, numRows * hiddenSize),
  );
  const sorted = moeSort(expertIds, numExperts);
  const numSlots = numTokens * expertsPerToken;
  const up = createOutput(session(), "up", [numSlots + 40, 2 * intermediateSize]);
  const create = await createMoeUp(session(), { format, hiddenSize, intermediateSize, numExperts, expertsPerToken });
  const tensors = {
    normed: upload(session(), "normed", [numTokens, hiddenSize], normedValues),
    expertOffsets: upload(session(), "expert offsets", [numExperts + 1], Uint32Array.from(sorted.expertOffsets)),
    sortedSlots: upload(session(), "sorted slots", [numSlots + 40], Uint32Array.from(sorted.sortedSlots)),
    weights: weights.matrix,
    up,
  };
  run(session(), [create("moe_up", tensors)], numTokens + 40);
  const actual = await readWritten(session(), up, numSlots * 2 * intermediateSize);
  // Sums of up to 384 products in f32: some 1e-7 of the largest.
  expect(relativeError(actual, moeUp(normedValues, sorted, weights.values, hiddenSize, expertsPerToken))).toBeLessThan(
    2e-6,
  );
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("moe_up with %s weights", (format) => {
  it.each<Shape>([
    { numTokens: 1, hiddenSize: 32, intermediateSize: 4, numExperts: 1, expertsPerToken: 1 },
    { numTokens: 37, hiddenSize: 96, intermediateSize: 48, numExperts: 5, expertsPerToken: 2 },
    { numTokens: 100, hiddenSize: 384, intermediateSize: 160, numExperts: 8, expertsPerToken: 2 },
  ])(
    "multiplies $expertsPerToken choices of ($numTokens, $hiddenSize) by $numExperts experts of $intermediateSize",
    async (shape) => {
      const random = createRandom(shape.numTokens);
      const ids = Array.from({ length: shape.numTokens * shape.expertsPerToken }, () =>
        Math.floor(((random() + 1) / 2) * shape.numExperts),
      );
      await expectUp(format, shape, ids);
    },
  );
});

describe("moe_up of an uneven routing", () => {
  const shape = { numTokens: 66, hiddenSize: 64, intermediateSize: 36, numExperts: 6, expertsPerToken: 1 };

  it("takes all tokens by one expert, whose tiles do not end evenly", async () => {
    await expectUp(
      "f32",
      shape,
      Array.from({ length: 66 }, () => 4),
    );
  });

  it("takes whole tiles, one token and no token by different experts", async () => {
    await expectUp(
      "f32",
      shape,
      Array.from({ length: 66 }, (_, token) => (token < 64 ? 1 : token === 64 ? 3 : 5)),
    );
  });

  it("needs the most tiles that 66 tokens can", async () => {
    // 33 + 1 + 1 + 1 + 1 + 29 tokens: seven tiles of 32 where three would hold them.
    await expectUp(
      "f32",
      shape,
      Array.from({ length: 66 }, (_, token) => (token < 33 ? 0 : token < 37 ? token - 32 : 5)),
    );
  });
});
