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
    { numTokens: 1, hiddenSize: 32, expertsPerToken: 1, alpha: 1, beta: 1, eps: 1e-5 },
    { numTokens: 37, hiddenSize: 96, expertsPerToken: 2, alpha: 3.5565, beta: 0.25, eps: 1e-6 },
    { numTokens: 100, hiddenSize: 384, expertsPerToken: 2, alpha: 0.5, beta: 2, eps: 1e-5 },
    // About the mean square: an epsilon that is lost or added elsewhere changes the first digit.
    { numTokens: 6, hiddenSize: 160, expertsPerToken: 8, alpha: 1.25, beta: -1, eps: 2 },
  ])(
    "adds $expertsPerToken experts of ($numTokens, $hiddenSize) to $alpha of the residual and norms the sum",
    async (shape) => {
      const { numTokens, hiddenSize, expertsPerToken, alpha, beta, eps } = shape;
      const random = createRandom(numTokens);
      const normedValues = randomArray(random, numTokens * hiddenSize);
      const downValues = randomArray(random, numTokens * expertsPerToken * hiddenSize);
      const weightValues = randomArray(random, numTokens * expertsPerToken);
      const normValues = randomArray(random, hiddenSize);
      const create = await createMoeCombine(session(), { hiddenSize, expertsPerToken, alpha, beta, eps });
      const hidden = createOutput(session(), "hidden", [numTokens + 3, hiddenSize]);
      const normed = createOutput(session(), "normed", [numTokens + 3, hiddenSize]);
      session().device.queue.writeBuffer(normed.buffer, 0, normedValues as Float32Array<ArrayBuffer>);
      const tensors = {
        call: uploadCall(session(), { numTokens }),
        down: upload(session(), "down", [numTokens + 3, expertsPerToken * hiddenSize], downValues),
        expertWeights: upload(session(), "expert weights", [numTokens + 3, expertsPerToken], weightValues),
        norm: upload(session(), "norm", [hiddenSize], normValues),
        hidden,
        normed,
      };
      run(session(), [create("moe_combine", tensors)], numTokens + 3);
      const expected = moeCombine(normedValues, downValues, weightValues, alpha, beta, normValues, eps);
      // Up to ten roundings, and a few more for the norm.
      const actual = await readWritten(session(), hidden, numTokens * hiddenSize);
      expect(relativeError(actual, expected.hidden)).toBeLessThan(5e-7);
      const actualNormed = await readWritten(session(), normed, numTokens * hiddenSize);
      expect(relativeError(actualNormed, expected.normed)).toBeLessThan(1e-6);
    },
  );
});
