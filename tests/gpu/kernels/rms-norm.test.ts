import { describe, expect, it } from "vitest";
import { createRmsNorm } from "../../../src/kernels/rms-norm.ts";
import { rmsNorm } from "../../../src/reference/vector.ts";
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

describe("rms_norm", () => {
  it.each([
    { numTokens: 1, hiddenSize: 32, eps: 1e-5, scale: 1 },
    { numTokens: 37, hiddenSize: 96, eps: 1e-6, scale: 30 },
    { numTokens: 100, hiddenSize: 384, eps: 1e-5, scale: 1 },
    // The mean square is about eps: an epsilon that is lost or added elsewhere changes the first digit.
    { numTokens: 5, hiddenSize: 96, eps: 1e-2, scale: 0.1 },
  ])("norms ($numTokens, $hiddenSize) with eps $eps", async ({ numTokens, hiddenSize, eps, scale }) => {
    const random = createRandom(hiddenSize + numTokens);
    const values = randomArray(random, numTokens * hiddenSize, scale);
    const weightValues = randomArray(random, hiddenSize);
    const create = await createRmsNorm(session(), { hiddenSize, eps });
    const normed = createOutput(session(), "normed", [numTokens + 3, hiddenSize]);
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      hidden: upload(session(), "hidden", [numTokens + 3, hiddenSize], values),
      weight: upload(session(), "weight", [hiddenSize], weightValues),
      normed,
    };
    run(session(), [create("rms_norm", tensors)], numTokens + 3);
    const actual = await readWritten(session(), normed, numTokens * hiddenSize);
    // A few roundings: the mean is exact to about 1e-7, and the square root halves its error.
    expect(relativeError(actual, rmsNorm(values, weightValues, eps))).toBeLessThan(5e-7);
  });
});
