import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createLinearResidual } from "../../../src/kernels/linear-residual.ts";
import { linearResidual } from "../../../src/reference/kernels/linear-residual.ts";
import {
  columnsFor,
  createOutput,
  createRandom,
  randomArray,
  readWritten,
  relativeError,
  run,
  upload,
  uploadCall,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("linear_residual with %s weights", (format) => {
  it.each([
    { numTokens: 1, numRows: 32, numColumns: 32, alpha: 1, beta: 1 },
    { numTokens: 37, numRows: 96, numColumns: 72, alpha: 3.5565, beta: 0.25 },
    { numTokens: 100, numRows: 384, numColumns: 384, alpha: 0.5, beta: 2 },
  ])("adds ($numTokens, $numColumns) times ($numRows, $numColumns) to $alpha of the residual", async (shape) => {
    const { numTokens, numRows, alpha, beta } = shape;
    const numColumns = columnsFor(format, shape.numColumns);
    const random = createRandom(numTokens);
    const inputValues = randomArray(random, numTokens * numColumns);
    const residualValues = randomArray(random, numTokens * numRows, 10);
    const weights = uploadWeights(
      session(),
      "weights",
      format,
      numRows,
      numColumns,
      randomArray(random, numRows * numColumns),
    );
    const create = await createLinearResidual(session(), { format, numRows, numColumns, alpha, beta });
    const output = createOutput(session(), "output", [numTokens + 40, numRows]);
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      input: upload(session(), "input", [numTokens + 40, numColumns], inputValues),
      weights: weights.matrix,
      residual: upload(session(), "residual", [numTokens + 40, numRows], residualValues),
      output,
    };
    run(session(), [create("linear_residual", tensors)], numTokens + 40);
    const actual = await readWritten(session(), output, numTokens * numRows);
    const expected = linearResidual(inputValues, weights.values, numRows, residualValues, alpha, beta);
    // Sums of up to 384 products in f32: some 1e-7 of the largest.
    expect(relativeError(actual, expected)).toBeLessThan(2e-6);
  });
});
