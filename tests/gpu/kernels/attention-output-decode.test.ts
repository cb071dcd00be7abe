import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createAttentionOutputDecode } from "../../../src/kernels/attention-output-decode.ts";
import { attentionOutputDecode } from "../../../src/reference/kernels/attention-output-decode.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  relativeError,
  run,
  upload,
  uploadStep,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();
const [alpha, beta] = [2.4, 0.7];

const MAX_SPLITS = 16;

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("attention_output_decode of %s rows", (format) => {
  // Quantised rows need whole groups of 32.
  const oddHeads = format === "q8" || format === "q4" ? { numHeads: 3, headDim: 32 } : { numHeads: 3, headDim: 24 };
  it.each([
    { hiddenSize: 32, numHeads: 1, headDim: 32, position: 0, numSplits: 1 },
    { hiddenSize: 96, ...oddHeads, position: 1023, numSplits: 8 },
    { hiddenSize: 96, ...oddHeads, position: 1024, numSplits: 9 },
    // Of 16 splits of 128 keys 2048 is one too many: they have 256.
    { hiddenSize: 384, numHeads: 6, headDim: 64, position: 2048, numSplits: 9 },
    { hiddenSize: 384, numHeads: 6, headDim: 64, position: 4095, numSplits: 16 },
  ])("combines $numSplits splits of $numHeads heads of $headDim at $position", async (shape) => {
    const { hiddenSize, numHeads, headDim, position, numSplits } = shape;
    const random = createRandom(hiddenSize + headDim);
    const residual = randomArray(random, hiddenSize, 2);
    const numRows = numSplits * numHeads;
    const stats = randomArray(random, numRows * 2, 5).map((value, i) => (i % 2 === 0 ? value : 0.5 + Math.abs(value)));
    const partials = randomArray(random, numRows * headDim, 5);
    const rows = randomArray(random, hiddenSize * numHeads * headDim);
    const oProj = uploadWeights(session(), "o_proj", format, hiddenSize, numHeads * headDim, rows);
    const hiddenNext = upload(session(), "hidden next", [1, hiddenSize], new Float32Array(hiddenSize).fill(7));
    const constants = { format, hiddenSize, numHeads, headDim, maxSplits: MAX_SPLITS, alpha, beta };
    const create = await createAttentionOutputDecode(session(), constants);
    // Splits that are not in use hold large numbers: reading one would show.
    const withUnused = (values: Float32Array, numColumns: number) => {
      const all = new Float32Array(MAX_SPLITS * numHeads * numColumns).fill(50);
      all.set(values);
      return upload(session(), "splits", [MAX_SPLITS * numHeads, numColumns], all);
    };
    const dispatch = create("attention_output_decode", {
      step: uploadStep(session(), position, [0]),
      residual: upload(session(), "residual", [1, hiddenSize], residual),
      stats: withUnused(stats, 2),
      partials: withUnused(partials, headDim),
      weights: oProj.matrix,
      hiddenNext,
    });
    run(session(), [dispatch], 1);
    const expected = attentionOutputDecode({
      residual,
      stats,
      partials,
      numHeads,
      headDim,
      oProj: oProj.values,
      alpha,
      beta,
    });
    // f32 sums of up to 16 splits, then of 384 products.
    expect(relativeError(await readFloats(session(), hiddenNext), expected)).toBeLessThan(1e-5);
  });
});
