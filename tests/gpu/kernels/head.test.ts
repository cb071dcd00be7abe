import { describe, expect, it } from "vitest";
import { rowStrideBytes, type WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createHead } from "../../../src/kernels/head.ts";
import { WHOLE_HIDDEN } from "../../../src/kernels/residual-terms.ts";
import { head } from "../../../src/reference/kernels/head.ts";
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
import { createTerms, RESIDUAL_INPUTS } from "../residual-terms.ts";

const session = useSession();
const eps = 1e-5;

function createInputs(format: WeightFormat, vocabSize: number, hiddenSize: number, blockSize: number) {
  const random = createRandom(vocabSize + hiddenSize);
  const hiddenValues = randomArray(random, blockSize * hiddenSize, 3);
  const normValues = randomArray(random, hiddenSize);
  const rows = randomArray(random, vocabSize * hiddenSize);
  return {
    hiddenValues,
    normValues,
    hidden: upload(session(), "hidden", [blockSize, hiddenSize], hiddenValues),
    norm: upload(session(), "norm", [hiddenSize], normValues),
    table: uploadWeights(session(), "lm_head", format, vocabSize, hiddenSize, rows),
    logits: upload(session(), "logits", [1, vocabSize], new Float32Array(vocabSize).fill(7)),
  };
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("head of %s rows", (format) => {
  it.each([
    { vocabSize: 1, hiddenSize: 32, numTokens: 1 },
    { vocabSize: 133, hiddenSize: 96, numTokens: 1 },
    { vocabSize: 517, hiddenSize: 384, numTokens: 5 },
    { vocabSize: 40, hiddenSize: 2144, numTokens: 2 },
  ])("gives logits ($vocabSize) of token $numTokens of a block", async ({ vocabSize, hiddenSize, numTokens }) => {
    const { hiddenValues, normValues, hidden, norm, table, logits } = createInputs(format, vocabSize, hiddenSize, 6);
    const call = uploadCall(session(), { numTokens });
    const create = await createHead(session(), {
      format,
      input: WHOLE_HIDDEN,
      hiddenSize,
      vocabSize,
      eps,
      firstRow: 0,
      numRows: vocabSize,
    });
    run(session(), [create("head", { call, terms: hidden, norm, weights: table.matrix, logits })], numTokens);
    const expected = head(hiddenValues.subarray(0, numTokens * hiddenSize), normValues, table.values, eps);
    // f32 sums of up to 2144 products.
    expect(relativeError(await readFloats(session(), logits), expected)).toBeLessThan(2e-6);
  });

  it.each(RESIDUAL_INPUTS)("adds up %s", async (_, input) => {
    const [vocabSize, hiddenSize] = [300, 96];
    const { normValues, norm, table, logits } = createInputs(format, vocabSize, hiddenSize, 1);
    const { shape, values, hidden } = createTerms(createRandom(5), input, hiddenSize);
    const create = await createHead(session(), {
      format,
      input,
      hiddenSize,
      vocabSize,
      eps,
      firstRow: 0,
      numRows: vocabSize,
    });
    const call = uploadCall(session(), { numTokens: 1 });
    const terms = upload(session(), "terms", shape, values);
    run(session(), [create("head", { call, terms, norm, weights: table.matrix, logits })], 1);
    const expected = head(hidden, normValues, table.values, eps);
    expect(relativeError(await readFloats(session(), logits), expected)).toBeLessThan(3e-6);
  });

  it("gives the same logits from a head in two ranges", async () => {
    const [vocabSize, hiddenSize, split] = [700, 64, 277];
    const { hiddenValues, normValues, hidden, norm, table, logits } = createInputs(format, vocabSize, hiddenSize, 1);
    const call = uploadCall(session(), { numTokens: 1 });
    const stride = rowStrideBytes(format, hiddenSize);
    for (const [firstRow, numRows] of [
      [split, vocabSize - split],
      [0, split],
    ] as const) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
      const buffer = session().createBuffer("lm_head range", "weights", numRows * stride, usage);
      const encoder = session().device.createCommandEncoder();
      encoder.copyBufferToBuffer(table.matrix.buffer, firstRow * stride, buffer, 0, numRows * stride);
      session().device.queue.submit([encoder.finish()]);
      const weights = { ...table.matrix, buffer, sizeBytes: numRows * stride, shape: [numRows, hiddenSize] };
      const create = await createHead(session(), {
        format,
        input: WHOLE_HIDDEN,
        hiddenSize,
        vocabSize,
        eps,
        firstRow,
        numRows,
      });
      run(session(), [create("head", { call, terms: hidden, norm, weights, logits })], 1);
    }
    const expected = head(hiddenValues, normValues, table.values, eps);
    expect(relativeError(await readFloats(session(), logits), expected)).toBeLessThan(2e-6);
  });
});
