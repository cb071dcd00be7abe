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

/** Runs the kernel with three surplus workgroups. */
async function runRouter(shape: Shape, normedValues: Float32Array, gateValues: Float32Array) {
  const { numTokens, hiddenSize, numExperts, expertsPerToken } = shape;
  const routerLogits = createOutput(session(), "router logits", [numTokens + 3, numExperts]);
  const expertIds = createOutput(session(), "expert ids", [numTokens + 3, expertsPerToken]);
  const expertWeights = createOutput(session(), "expert weights", [numTokens + 3, expertsPerToken]);
  const create = await createRouter(session(), { hiddenSize, numExperts, expertsPerToken });
  const tensors = {
    call: uploadCall(session(), { numTokens }),
    normed: upload(session(), "normed", [numTokens + 3, hiddenSize], normedValues),
    gate: upload(session(), "gate", [numExperts, hiddenSize], gateValues),
    routerLogits,
    expertIds,
    expertWeights,
  };
  run(session(), [create("router", tensors)], numTokens + 3);
  const ids = await readWritten(session(), expertIds, numTokens * expertsPerToken);
  return {
    routerLogits: await readWritten(session(), routerLogits, numTokens * numExperts),
    expertIds: [...new Uint32Array(ids.buffer)],
    expertWeights: await readWritten(session(), expertWeights, numTokens * expertsPerToken),
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
    const { numTokens, hiddenSize, numExperts, expertsPerToken } = shape;
    const random = createRandom(numTokens + numExperts);
    const normed = randomArray(random, numTokens * hiddenSize);
    const gate = randomArray(random, numExperts * hiddenSize, 0.3);
    const actual = await runRouter(shape, normed, gate);
    const expected = router(normed, gate, numExperts, expertsPerToken);
    // Sums of up to 384 products in f32; an error of a logit is one of its weight.
    expect(relativeError(actual.routerLogits, expected.routerLogits)).toBeLessThan(2e-6);
    expect(actual.expertIds).toEqual(expected.expertIds);
    expect(relativeError(actual.expertWeights, expected.expertWeights)).toBeLessThan(5e-6);
  });

  it("gives ties to the lower index", async () => {
    const shape = { numTokens: 4, hiddenSize: 32, numExperts: 6, expertsPerToken: 3 };
    // Small integers: every logit is exact, in any order of summation.
    const logits = [
      [1, 1, 1, 1, 1, 1],
      [0, 2, 1, 2, 2, 1],
      [-3, -1, -2, -1, -2, -2],
      [5, 4, 4, 4, 5, 5],
    ];
    const normed = Float32Array.from({ length: 4 * 32 }, (_, i) => (i % 32 === Math.floor(i / 32) ? 1 : 0));
    const gate = Float32Array.from({ length: 6 * 32 }, (_, i) => logits[i % 32]?.[Math.floor(i / 32)] ?? 0);
    const actual = await runRouter(shape, normed, gate);
    expect([...actual.routerLogits]).toEqual(logits.flat());
    expect(actual.expertIds).toEqual([0, 1, 2, 1, 3, 4, 1, 3, 2, 0, 4, 5]);
    expect(actual.expertIds).toEqual(router(normed, gate, 6, 3).expertIds);
    expect(relativeError(actual.expertWeights, router(normed, gate, 6, 3).expertWeights)).toBeLessThan(1e-6);
  });

  it("chooses among logits that are far apart or large, without overflow", async () => {
    const shape = { numTokens: 2, hiddenSize: 32, numExperts: 3, expertsPerToken: 2 };
    const normed = Float32Array.from({ length: 2 * 32 }, (_, i) => (i % 32 === Math.floor(i / 32) ? 1 : 0));
    const logits = [
      [-2e4, 3e4, -1e4],
      [-1000, -1001, -999],
    ];
    const gate = Float32Array.from({ length: 3 * 32 }, (_, i) => logits[i % 32]?.[Math.floor(i / 32)] ?? 0);
    const actual = await runRouter(shape, normed, gate);
    expect(actual.expertIds).toEqual([1, 2, 2, 0]);
    const odds = 1 / (1 + Math.exp(-1));
    expect(relativeError(actual.expertWeights, [1, 0, odds, 1 - odds])).toBeLessThan(1e-6);
  });
});
