import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createMoeUpDecode } from "../../../src/kernels/moe-up-decode.ts";
import { moeUpDecode } from "../../../src/reference/kernels/moe-up-decode.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  readWords,
  relativeError,
  run,
  upload,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();
const eps = 1e-5;

interface Shape {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

async function runOnce(format: WeightFormat, shape: Shape, routerValues?: Float32Array) {
  const { hiddenSize, intermediateSize, numExperts, expertsPerToken } = shape;
  const random = createRandom(hiddenSize + intermediateSize + numExperts);
  const hiddenValues = randomArray(random, hiddenSize, 2);
  const normValues = randomArray(random, hiddenSize);
  const router = routerValues ?? randomArray(random, numExperts * hiddenSize, 0.2);
  const rows = randomArray(random, numExperts * 2 * intermediateSize * hiddenSize, 0.3);
  const weights = uploadWeights(session(), "gate_up_proj", format, numExperts * 2 * intermediateSize, hiddenSize, rows);
  const tensors = {
    hidden: upload(session(), "hidden", [1, hiddenSize], hiddenValues),
    norm: upload(session(), "norm", [hiddenSize], normValues),
    router: upload(session(), "router", [numExperts, hiddenSize], router),
    weights: weights.matrix,
    expertIds: upload(session(), "expert ids", [1, expertsPerToken], new Uint32Array(expertsPerToken).fill(99)),
    expertWeights: upload(session(), "expert weights", [1, expertsPerToken], new Float32Array(expertsPerToken)),
    up: upload(session(), "up", [expertsPerToken, 2 * intermediateSize], new Float32Array(0)),
  };
  const create = await createMoeUpDecode(session(), { format, eps, ...shape });
  run(session(), [create("moe_up_decode", tensors)], 1);
  return {
    expected: moeUpDecode(hiddenValues, normValues, router, weights.values, { eps, numExperts, expertsPerToken }),
    expertIds: [...new Uint32Array(await readWords(session(), tensors.expertIds))],
    expertWeights: await readFloats(session(), tensors.expertWeights),
    up: await readFloats(session(), tensors.up),
  };
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("moe_up_decode of %s experts", (format) => {
  it.each<Shape>([
    { hiddenSize: 32, intermediateSize: 4, numExperts: 1, expertsPerToken: 1 },
    { hiddenSize: 96, intermediateSize: 52, numExperts: 5, expertsPerToken: 3 },
    { hiddenSize: 384, intermediateSize: 384, numExperts: 8, expertsPerToken: 2 },
    { hiddenSize: 64, intermediateSize: 20, numExperts: 32, expertsPerToken: 8 },
  ])("routes and multiplies $hiddenSize × $intermediateSize, $expertsPerToken of $numExperts", async (shape) => {
    const { expected, expertIds, expertWeights, up } = await runOnce(format, shape);
    expect(expertIds).toEqual(expected.expertIds);
    // f32 sums of up to 384 products, through exp.
    expect(relativeError(expertWeights, expected.expertWeights)).toBeLessThan(5e-6);
    expect(relativeError(up, expected.up)).toBeLessThan(5e-6);
  });
});

describe("moe_up_decode", () => {
  it("gives equal experts to the lower index", async () => {
    const shape = { hiddenSize: 32, intermediateSize: 8, numExperts: 6, expertsPerToken: 2 };
    const { expertIds, expertWeights } = await runOnce("f32", shape, new Float32Array(6 * 32).fill(0.5));
    expect(expertIds).toEqual([0, 1]);
    expect([...expertWeights]).toEqual([0.5, 0.5]);
  });
});
