import { describe, expect, it } from "vitest";
import { createMoeCombine } from "../../../src/kernels/moe-combine.ts";
import { moeCombine } from "../../../src/reference/kernels/moe-combine.ts";
import {
  createOutput,
  createRandom,
  randomArray,
  readWritten,
  relativeError,
  run,
  upload,
  uploadCall,
  useSession,
} from "../harness.ts";

const session = useSession();

describe("moe_combine", () => {
  it.each([
    { numTokens: 1, hiddenSize: 32, expertsPerToken: 1, alpha: 1, beta: 1 },
    { numTokens: 37, hiddenSize: 96, expertsPerToken: 2, alpha: 3.5565, beta: 0.25 },
    { numTokens: 100, hiddenSize: 384, expertsPerToken: 2, alpha: 0.5, beta: 2 },
    { numTokens: 6, hiddenSize: 160, expertsPerToken: 8, alpha: 1.25, beta: -1 },
  ])("adds $expertsPerToken experts of ($numTokens, $hiddenSize) to $alpha of the residual", async (shape) => {
    const { numTokens, hiddenSize, expertsPerToken, alpha, beta } = shape;
    const random = createRandom(numTokens);
    const normedValues = randomArray(random, numTokens * hiddenSize);
    const downValues = randomArray(random, numTokens * expertsPerToken * hiddenSize);
    const weightValues = randomArray(random, numTokens * expertsPerToken);
    const create = await createMoeCombine(session(), { hiddenSize, expertsPerToken, alpha, beta });
    const hidden = createOutput(session(), "hidden", [numTokens + 3, hiddenSize]);
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      normed: upload(session(), "normed", [numTokens + 3, hiddenSize], normedValues),
      down: upload(session(), "down", [numTokens + 3, expertsPerToken * hiddenSize], downValues),
      expertWeights: upload(session(), "expert weights", [numTokens + 3, expertsPerToken], weightValues),
      hidden,
    };
    run(session(), [create("moe_combine", tensors)], numTokens + 3);
    const actual = await readWritten(session(), hidden, numTokens * hiddenSize);
    const expected = moeCombine(normedValues, downValues, weightValues, hiddenSize, alpha, beta);
    // Up to ten roundings.
    expect(relativeError(actual, expected)).toBeLessThan(5e-7);
  });
});
