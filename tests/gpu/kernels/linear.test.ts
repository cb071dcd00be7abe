import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createLinear } from "../../../src/kernels/linear.ts";
import { linear, silu } from "../../../src/reference/vector.ts";
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
    const create = await createLinear(session(), { format, numRows, numColumns, activation: "none" });
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

  it("applies silu", async () => {
    const [numTokens, numRows, numColumns] = [37, 72, 96];
    const random = createRandom(3);
    const input = randomArray(random, numTokens * numColumns, 8);
    const weights = uploadWeights(
      session(),
      "weights",
      format,
      numRows,
      numColumns,
      randomArray(random, numRows * numColumns),
    );
    const create = await createLinear(session(), { format, numRows, numColumns, activation: "silu" });
    const output = createOutput(session(), "output", [numTokens, numRows]);
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      input: upload(session(), "input", [numTokens, numColumns], input),
      weights: weights.matrix,
      output,
    };
    run(session(), [create("linear", tensors)], numTokens);
    const actual = await readWritten(session(), output, numTokens * numRows);
    expect(relativeError(actual, linear(input, weights.values, numRows).map(silu))).toBeLessThan(TOLERANCE);
  });

  it("takes one matrix out of a stack", async () => {
    const [numTokens, firstRow, numRows, numColumns] = [37, 70, 72, 96];
    const random = createRandom(4);
    const input = randomArray(random, numTokens * numColumns);
    const stackRows = firstRow + numRows + 5;
    const weights = uploadWeights(
      session(),
      "weights",
      format,
      stackRows,
      numColumns,
      randomArray(random, stackRows * numColumns),
    );
    const create = await createLinear(session(), { format, firstRow, numRows, numColumns, activation: "none" });
    const output = createOutput(session(), "output", [numTokens, numRows]);
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      input: upload(session(), "input", [numTokens, numColumns], input),
      weights: weights.matrix,
      output,
    };
    run(session(), [create("linear", tensors)], numTokens);
    const actual = await readWritten(session(), output, numTokens * numRows);
    const matrix = weights.values.subarray(firstRow * numColumns, (firstRow + numRows) * numColumns);
    expect(relativeError(actual, linear(input, matrix, numRows))).toBeLessThan(TOLERANCE);
  });
});

describe("silu of sums far from zero", () => {
  it("is 0 below and the sum above, without NaN", async () => {
    const rows = Float32Array.from({ length: 4 * 32 }, (_, i) => (i % 32 === 0 ? [-1e4, -100, 100, 1e4][i / 32]! : 0));
    const weights = uploadWeights(session(), "weights", "f32", 4, 32, rows);
    const create = await createLinear(session(), { format: "f32", numRows: 4, numColumns: 32, activation: "silu" });
    const output = createOutput(session(), "output", [1, 4]);
    const input = upload(
      session(),
      "input",
      [1, 32],
      Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0)),
    );
    run(session(), [create("linear", { call: uploadCall(session(), {}), input, weights: weights.matrix, output })], 1);
    const [lowest, low, high, highest] = await readWritten(session(), output, 4);
    expect(Math.abs(lowest!)).toBe(0);
    expect(Math.abs(low!)).toBeLessThan(1e-30);
    expect([high, highest]).toEqual([100, 1e4]);
  });
});
