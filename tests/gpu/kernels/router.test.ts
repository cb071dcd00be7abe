import { describe, expect, it } from "vitest";
import { createRouter } from "../../../src/kernels/router.ts";
import { router } from "../../../src/reference/kernels/router.ts";
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

interface Shape {
  readonly numTokens: number;
  readonly hiddenSize: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

interface Inputs {
  /** (numTokens, hiddenSize) */
  readonly hidden: Float32Array;
  readonly norm: Float32Array;
  readonly eps: number;
  readonly gate: Float32Array;
}

/** Runs the kernel with three surplus workgroups. */
async function runRouter(shape: Shape, inputs: Inputs) {
  const { numTokens, hiddenSize, numExperts, expertsPerToken } = shape;
  const routerLogits = createOutput(session(), "router logits", [numTokens + 3, numExperts]);
  const expertIds = createOutput(session(), "expert ids", [numTokens + 3, expertsPerToken]);
  const expertWeights = createOutput(session(), "expert weights", [numTokens + 3, expertsPerToken]);
  const normed = createOutput(session(), "normed", [numTokens + 3, hiddenSize]);
  const create = await createRouter(session(), { hiddenSize, numExperts, expertsPerToken, eps: inputs.eps });
  const tensors = {
    call: uploadCall(session(), { numTokens }),
    hidden: upload(session(), "hidden", [numTokens + 3, hiddenSize], inputs.hidden),
    norm: upload(session(), "norm", [hiddenSize], inputs.norm),
    gate: upload(session(), "gate", [numExperts, hiddenSize], inputs.gate),
    normed,
    routerLogits,
    expertIds,
    expertWeights,
  };
  run(session(), [create("router", tensors)], numTokens + 3);
  const ids = await readWritten(session(), expertIds, numTokens * expertsPerToken);
  return {
    normed: await readWritten(session(), normed, numTokens * hiddenSize),
    routerLogits: await readWritten(session(), routerLogits, numTokens * numExperts),
    expertIds: [...new Uint32Array(ids.buffer)],
    expertWeights: await readWritten(session(), expertWeights, numTokens * expertsPerToken),
  };
}

/** The reference's routes of the same inputs. */
function expectedRoutes({ numExperts, expertsPerToken }: Shape, { hidden, norm, eps, gate }: Inputs) {
  return router(hidden, norm, eps, gate, numExperts, expertsPerToken);
}

/** Inputs whose router logits are these, (num_tokens, num_experts), but for the rounding of each token's scale. */
function inputsForLogits(logits: readonly (readonly number[])[]): Inputs {
  const [numTokens, numExperts, hiddenSize] = [logits.length, logits[0]!.length, 64];
  return {
    // One 8 a row: its mean square is 1.
    hidden: Float32Array.from({ length: numTokens * hiddenSize }, (_, i) =>
      i % hiddenSize === Math.floor(i / hiddenSize) ? 8 : 0,
    ),
    norm: new Float32Array(hiddenSize).fill(1 / 8),
    eps: 0,
    gate: Float32Array.from(
      { length: numExperts * hiddenSize },
      (_, i) => logits[i % hiddenSize]?.[Math.floor(i / hiddenSize)] ?? 0,
    ),
  };
}

describe("router", () => {
  it.each<Shape>([
    { numTokens: 1, hiddenSize: 32, numExperts: 1, expertsPerToken: 1 },
    { numTokens: 37, hiddenSize: 96, numExperts: 5, expertsPerToken: 2 },
    { numTokens: 100, hiddenSize: 384, numExperts: 8, expertsPerToken: 2 },
    { numTokens: 9, hiddenSize: 96, numExperts: 32, expertsPerToken: 8 },
    { numTokens: 4, hiddenSize: 64, numExperts: 3, expertsPerToken: 3 },
  ])("chooses $expertsPerToken of $numExperts experts for ($numTokens, $hiddenSize)", async (shape) => {
    const { numTokens, hiddenSize, numExperts } = shape;
    const random = createRandom(numTokens + numExperts);
    const inputs: Inputs = {
      hidden: randomArray(random, numTokens * hiddenSize, 0.1),
      norm: randomArray(random, hiddenSize),
      // About the mean square: an epsilon that is lost or added elsewhere changes the first digit.
      eps: 1e-2,
      gate: randomArray(random, numExperts * hiddenSize, 0.3),
    };
    const actual = await runRouter(shape, inputs);
    const expected = expectedRoutes(shape, inputs);
    expect(relativeError(actual.normed, expected.normed)).toBeLessThan(5e-7);
    // Sums of up to 384 products in f32; an error of a logit is one of its weight.
    expect(relativeError(actual.routerLogits, expected.routerLogits)).toBeLessThan(2e-6);
    expect(actual.expertIds).toEqual(expected.expertIds);
    expect(relativeError(actual.expertWeights, expected.expertWeights)).toBeLessThan(5e-6);
  });

  it("gives ties to the lower index", async () => {
    const shape = { numTokens: 4, hiddenSize: 64, numExperts: 6, expertsPerToken: 3 };
    // One product a logit: equal ones are computed alike.
    const logits = [
      [1, 1, 1, 1, 1, 1],
      [0, 2, 1, 2, 2, 1],
      [-3, -1, -2, -1, -2, -2],
      [5, 4, 4, 4, 5, 5],
    ];
    const inputs = inputsForLogits(logits);
    const actual = await runRouter(shape, inputs);
    const expected = expectedRoutes(shape, inputs);
    expect(relativeError(actual.routerLogits, logits.flat())).toBeLessThan(1e-6);
    expect(actual.expertIds).toEqual([0, 1, 2, 1, 3, 4, 1, 3, 2, 0, 4, 5]);
    expect(actual.expertIds).toEqual(expected.expertIds);
    expect(relativeError(actual.expertWeights, expected.expertWeights)).toBeLessThan(2e-6);
  });

  it("chooses among logits that are far apart or large, without overflow", async () => {
    const shape = { numTokens: 2, hiddenSize: 64, numExperts: 3, expertsPerToken: 2 };
    const inputs = inputsForLogits([
      [-2e4, 3e4, -1e4],
      [-1000, -1001, -999],
    ]);
    const actual = await runRouter(shape, inputs);
    expect(actual.expertIds).toEqual([1, 2, 2, 0]);
    const odds = 1 / (1 + Math.exp(-1));
    // The difference of two logits of 1,000 is rounded like them.
    expect(relativeError(actual.expertWeights, [1, 0, odds, 1 - odds])).toBeLessThan(2e-4);
  });
});
