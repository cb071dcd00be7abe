import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createAttentionQkvDecode } from "../../../src/kernels/attention-qkv-decode.ts";
import { createRopeTable, ROPE_ROWS } from "../../../src/kernels/rope-table.ts";
import { attentionQkvDecode } from "../../../src/reference/kernels/attention-qkv-decode.ts";
import { inverseFrequencies } from "../../../src/reference/model.ts";
import { type ResidualTerms, WHOLE_HIDDEN } from "../../../src/kernels/residual-terms.ts";
import { rmsNorm } from "../../../src/reference/vector.ts";
import {
  createOutput,
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
import { createTerms, RESIDUAL_INPUTS } from "../residual-terms.ts";

const session = useSession();
const eps = 1e-5;

interface Shape {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly position: number;
  readonly rotaryFrequencies: number;
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("attention_qkv_decode of %s weights", (format) => {
  it.each(RESIDUAL_INPUTS)("adds up %s", async (_, input) => {
    await expectParity(
      format,
      { hiddenSize: 64, numHeads: 2, numKvHeads: 1, headDim: 16, position: 5, rotaryFrequencies: 8 },
      input,
    );
  });

  it.each<Shape>([
    { hiddenSize: 32, numHeads: 1, numKvHeads: 1, headDim: 16, position: 0, rotaryFrequencies: 8 },
    { hiddenSize: 96, numHeads: 3, numKvHeads: 1, headDim: 24, position: 97, rotaryFrequencies: 5 },
    { hiddenSize: 384, numHeads: 6, numKvHeads: 2, headDim: 64, position: 2 ** 22 - 1, rotaryFrequencies: 32 },
    { hiddenSize: 1056, numHeads: 2, numKvHeads: 2, headDim: 128, position: 2048, rotaryFrequencies: 32 },
  ])("gives $numHeads and $numKvHeads heads of $headDim at position $position", async (shape) => {
    await expectParity(format, shape, WHOLE_HIDDEN);
  });
});

async function expectParity(format: WeightFormat, shape: Shape, input: ResidualTerms): Promise<void> {
  const { hiddenSize, numHeads, numKvHeads, headDim, position, rotaryFrequencies } = shape;
  const numRows = (numHeads + 2 * numKvHeads) * headDim;
  const random = createRandom(numRows);
  const { shape: termShape, values: terms, hidden } = createTerms(random, input, hiddenSize);
  const norm = randomArray(random, hiddenSize);
  const rows = randomArray(random, numRows * hiddenSize, 1 / Math.sqrt(hiddenSize));
  const weights = uploadWeights(session(), "q_proj, k_proj, v_proj", format, numRows, hiddenSize, rows);
  const rope = { headDim, ropeTheta: 1e4, rotaryFrequencies };
  const qkv = upload(session(), "qkv", [2, numRows], new Float32Array(0));
  const residual = createOutput(session(), "residual", [2, hiddenSize]);
  const constants = { format, input, hiddenSize, eps, numHeads, numKvHeads, headDim };
  const create = await createAttentionQkvDecode(session(), constants);
  const dispatch = create("attention_qkv_decode", {
    step: uploadStep(session(), position, [0]),
    terms: upload(session(), "terms", termShape, terms),
    norm: upload(session(), "norm", [hiddenSize], norm),
    weights: weights.matrix,
    ropeTable: upload(session(), "rope table", [2, ROPE_ROWS, headDim / 2, 2], createRopeTable(rope)),
    qkv,
    residual,
  });
  run(session(), [dispatch], 1);
  const actual = await readFloats(session(), qkv);
  const frequencies = inverseFrequencies(rope);
  const expected = attentionQkvDecode(hidden, norm, eps, weights.values, position, shape, frequencies);
  // f32 sums of up to 1056 products, and angles to 1e-6.
  expect(relativeError(actual, expected)).toBeLessThan(3e-6);
  expect(actual.subarray(numRows)).toEqual(new Float32Array(numRows));
  const stream = await readFloats(session(), residual);
  expect(relativeError(stream.subarray(0, hiddenSize), rmsNorm(hidden, norm, eps))).toBeLessThan(3e-6);
  expect(relativeError(stream.subarray(hiddenSize), hidden)).toBeLessThan(3e-6);
}
