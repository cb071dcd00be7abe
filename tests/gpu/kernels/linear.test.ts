import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createLinear } from "../../../src/kernels/linear.ts";
import { linear } from "../../../src/reference/vector.ts";
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

/** Sums of up to 384 products in f32: some 1e-7 of the largest. */
const TOLERANCE = 2e-6;

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("linear with %s weights", (format) => {
  it.each([
    { numTokens: 1, numRows: 1, numColumns: 32 },
    { numTokens: 37, numRows: 72, numColumns: 96 },
    { numTokens: 65, numRows: 40, numColumns: 384 },
    { numTokens: 100, numRows: 1152, numColumns: 384 },
    // Columns that end inside a group of 32.
    { numTokens: 37, numRows: 96, numColumns: 72 },
  ])("multiplies ($numTokens, $numColumns) by ($numRows, $numColumns)", async ({ numTokens, numRows, ...shape }) => {
    const numColumns = columnsFor(format, shape.numColumns);
    const random = createRandom(numTokens + numRows + numColumns);
    const input = randomArray(random, numTokens * numColumns);
    const weights = uploadWeights(
      session(),
      "weights",
      format,
      numRows,
      numColumns,
      randomArray(random, numRows * numColumns),
    );
    const create = await createLinear(session(), { format, numRows, numColumns });
    const output = createOutput(session(), "output", [numTokens + 40, numRows]);
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      // Tokens past the block hold numbers too: they must change nothing.
      input: upload(
        session(),
        "input",
        [numTokens + 40, numColumns],
        new Float32Array([...input, ...randomArray(random, 40 * numColumns)]),
      ),
      weights: weights.matrix,
      output,
    };
    run(session(), [create("linear", tensors)], numTokens + 40);
    const actual = await readWritten(session(), output, numTokens * numRows);
    expect(relativeError(actual, linear(input, weights.values, numRows))).toBeLessThan(TOLERANCE);
  });
});
