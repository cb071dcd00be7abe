import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createMoeDownDecode } from "../../../src/kernels/moe-down-decode.ts";
import { moeDownDecode } from "../../../src/reference/kernels/moe-down-decode.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  relativeError,
  run,
  upload,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();
const [eps, alpha, beta] = [1e-5, 2.4, 0.7];

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("moe_down_decode of %s experts", (format) => {
  // Quantised rows need whole groups of 32.
  const isQuantised = format === "q8" || format === "q4";
  it.each([
    { hiddenSize: 32, intermediateSize: isQuantised ? 32 : 4, numExperts: 1, expertIds: [0] },
    { hiddenSize: 96, intermediateSize: isQuantised ? 160 : 52, numExperts: 5, expertIds: [4, 0, 2] },
    { hiddenSize: 384, intermediateSize: 384, numExperts: 8, expertIds: [7, 3] },
    { hiddenSize: 160, intermediateSize: 192, numExperts: 32, expertIds: [31, 0, 5, 9, 12, 20, 1, 30] },
  ])("sums experts $expertIds of $hiddenSize × $intermediateSize", async (shape) => {
    const { hiddenSize, intermediateSize, numExperts, expertIds } = shape;
    const expertsPerToken = expertIds.length;
    const random = createRandom(hiddenSize + intermediateSize);
    const hiddenValues = randomArray(random, hiddenSize, 2);
    const normValues = randomArray(random, hiddenSize);
    const upValues = randomArray(random, expertsPerToken * intermediateSize);
    const expertWeights = randomArray(random, expertsPerToken).map(Math.abs);
    const rows = randomArray(random, numExperts * hiddenSize * intermediateSize, 0.3);
    const weights = uploadWeights(session(), "down_proj", format, numExperts * hiddenSize, intermediateSize, rows);
    const hiddenNext = upload(session(), "hidden next", [1, hiddenSize], new Float32Array(hiddenSize).fill(7));
    const create = await createMoeDownDecode(session(), {
      format,
      hiddenSize,
      eps,
      intermediateSize,
      numExperts,
      expertsPerToken,
      alpha,
      beta,
    });
    const dispatch = create("moe_down_decode", {
      hidden: upload(session(), "hidden", [1, hiddenSize], hiddenValues),
      norm: upload(session(), "norm", [hiddenSize], normValues),
      expertIds: upload(session(), "expert ids", [1, expertsPerToken], Uint32Array.from(expertIds)),
      expertWeights: upload(session(), "expert weights", [1, expertsPerToken], expertWeights),
      up: upload(session(), "up", [expertsPerToken, 2 * intermediateSize], upValues),
      weights: weights.matrix,
      hiddenNext,
    });
    run(session(), [dispatch], 1);
    const expected = moeDownDecode({
      hidden: hiddenValues,
      norm: normValues,
      eps,
      expertIds,
      expertWeights: [...expertWeights],
      up: Float64Array.from(upValues),
      downProj: weights.values,
      alpha,
      beta,
    });
    // f32 sums of up to 8 · 192 products.
    expect(relativeError(await readFloats(session(), hiddenNext), expected)).toBeLessThan(3e-6);
  });
});
