import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { ATTENTION_SPLITS } from "../../../src/kernels/attention-decode.ts";
import { createAttentionOutputDecode } from "../../../src/kernels/attention-output-decode.ts";
import { attentionOutputDecode } from "../../../src/reference/kernels/attention-output-decode.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  relativeError,
  run,
  upload,
  uploadCall,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();
const [alpha, beta] = [2.4, 0.7];

/** Partials of which every third part is empty, as splits without keys are; its other numbers mean nothing. */
function createPartials(random: () => number, numParts: number, numHeads: number, headDim: number): Float32Array {
  const partials = randomArray(random, numParts * numHeads * (headDim + 2), 5);
  for (let row = 0; row < numParts * numHeads; row++) {
    const at = row * (headDim + 2) + headDim + 1;
    const part = Math.floor(row / numHeads);
    partials[at] = part % 3 === 1 ? 0 : 0.5 + Math.abs(partials[at]!);
  }
  return partials;
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("attention_output_decode of %s rows", (format) => {
  // Quantised rows need whole groups of 32.
  const oddHeads = format === "q8" || format === "q4" ? { numHeads: 3, headDim: 32 } : { numHeads: 3, headDim: 24 };
  it.each([
    { hiddenSize: 32, numHeads: 1, headDim: 32, numSegments: 1 },
    { hiddenSize: 96, ...oddHeads, numSegments: 2 },
    { hiddenSize: 384, numHeads: 6, headDim: 64, numSegments: 3 },
  ])("combines $numSegments segments of $numHeads heads of $headDim", async (shape) => {
    const { hiddenSize, numHeads, headDim, numSegments } = shape;
    const random = createRandom(hiddenSize + headDim);
    const residual = randomArray(random, hiddenSize, 2);
    const partials = createPartials(random, numSegments * ATTENTION_SPLITS, numHeads, headDim);
    const rows = randomArray(random, hiddenSize * numHeads * headDim);
    const oProj = uploadWeights(session(), "o_proj", format, hiddenSize, numHeads * headDim, rows);
    const hiddenNext = upload(session(), "hidden next", [1, hiddenSize], new Float32Array(hiddenSize).fill(7));
    const create = await createAttentionOutputDecode(session(), {
      format,
      hiddenSize,
      numHeads,
      headDim,
      alpha,
      beta,
    });
    const dispatch = create("attention_output_decode", {
      call: uploadCall(session(), { numSegments }),
      residual: upload(session(), "residual", [1, hiddenSize], residual),
      // One segment more than the call has: it must not be read.
      partials: upload(
        session(),
        "partials",
        [numSegments + 1, ATTENTION_SPLITS, numHeads, headDim + 2],
        Float32Array.of(...partials, ...new Float32Array(partials.length / numSegments).fill(9)),
      ),
      weights: oProj.matrix,
      hiddenNext,
    });
    run(session(), [dispatch], 1);
    const expected = attentionOutputDecode({
      residual,
      partials,
      numHeads,
      headDim,
      oProj: oProj.values,
      alpha,
      beta,
    });
    // f32 sums of up to 96 parts, then of 384 products.
    expect(relativeError(await readFloats(session(), hiddenNext), expected)).toBeLessThan(1e-5);
  });
});
