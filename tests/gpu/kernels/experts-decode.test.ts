import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createExpertsDecode, expertTerms } from "../../../src/kernels/experts-decode.ts";
import { type ResidualTerms, termRowLength, WHOLE_HIDDEN } from "../../../src/kernels/residual-terms.ts";
import { expertsDecode } from "../../../src/reference/kernels/experts-decode.ts";
import {
  columnsFor,
  createOutput,
  createRandom,
  randomArray,
  readFloats,
  relativeError,
  run,
  SENTINEL,
  upload,
  uploadWeights,
  useSession,
} from "../harness.ts";
import { addTerms, createTerms, hiddenOf, RESIDUAL_INPUTS } from "../residual-terms.ts";

const session = useSession();
const eps = 1e-5;

interface Shape {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

/** Runs the kernel and the reference; what the kernel left is compared already. */
async function expectParity(
  format: WeightFormat,
  shape: Shape,
  { input = WHOLE_HIDDEN, routerValues }: { input?: ResidualTerms; routerValues?: Float32Array } = {},
) {
  const { hiddenSize, intermediateSize, numExperts, expertsPerToken } = shape;
  const random = createRandom(hiddenSize + intermediateSize + numExperts);
  const { shape: termShape, values, hidden } = createTerms(random, input, hiddenSize);
  const norm = randomArray(random, hiddenSize);
  const router = routerValues ?? randomArray(random, numExperts * hiddenSize, 0.2);
  const rows = randomArray(random, numExperts * 2 * intermediateSize * hiddenSize, 0.3);
  const weights = uploadWeights(session(), "gate_up_proj", format, numExperts * 2 * intermediateSize, hiddenSize, rows);
  // Quantised rows need whole groups of 32: another format for down_proj where there are none.
  const downFormat = columnsFor(format, intermediateSize) === intermediateSize ? format : "f16";
  const downRows = randomArray(random, numExperts * hiddenSize * intermediateSize, 0.3);
  const down = uploadWeights(session(), "down_proj", downFormat, numExperts * hiddenSize, intermediateSize, downRows);
  const numTerms = expertTerms(shape);
  const nextTerms = createOutput(session(), "next terms", [numTerms + 2, termRowLength(hiddenSize)]);
  const create = await createExpertsDecode(session(), { format, downFormat, input, eps, ...shape });
  const dispatch = create("experts_decode", {
    terms: upload(session(), "terms", termShape, values),
    norm: upload(session(), "norm", [hiddenSize], norm),
    router: upload(session(), "router", [numExperts, hiddenSize], router),
    weights: weights.matrix,
    downWeights: down.matrix,
    nextTerms,
  });
  run(session(), [dispatch], 1);
  const terms = await readFloats(session(), nextTerms);
  const expected = expertsDecode(hidden, {
    norm,
    eps,
    router,
    gateUpProj: weights.values,
    downProj: down.values,
    numExperts,
    expertsPerToken,
  });
  expect(terms.filter((_, i) => i % termRowLength(hiddenSize) < hiddenSize)).not.toContain(SENTINEL);
  const { residual, output } = addTerms(terms, numTerms, 0, hiddenSize);
  expect(relativeError(hiddenOf(terms, hiddenSize), hidden)).toBeLessThan(2e-6);
  // f32 sums of up to 384 products, twice, through exp.
  expect(relativeError(residual, expected.residual)).toBeLessThan(5e-6);
  expect(relativeError(output, expected.output)).toBeLessThan(5e-6);
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("experts_decode of %s experts", (format) => {
  it.each<Shape>([
    { hiddenSize: 32, intermediateSize: 4, numExperts: 1, expertsPerToken: 1 },
    { hiddenSize: 96, intermediateSize: 52, numExperts: 5, expertsPerToken: 3 },
    { hiddenSize: 384, intermediateSize: 384, numExperts: 8, expertsPerToken: 2 },
    { hiddenSize: 64, intermediateSize: 32, numExperts: 32, expertsPerToken: 8 },
    { hiddenSize: 1056, intermediateSize: 20, numExperts: 3, expertsPerToken: 2 },
  ])("routes and multiplies $hiddenSize × $intermediateSize, $expertsPerToken of $numExperts", async (shape) => {
    await expectParity(format, shape);
  });
});

describe("experts_decode", () => {
  it.each(RESIDUAL_INPUTS)("adds up %s", async (_, input) => {
    await expectParity("f32", { hiddenSize: 96, intermediateSize: 64, numExperts: 4, expertsPerToken: 2 }, { input });
  });

  it("gives equal experts to the lower index", async () => {
    const shape = { hiddenSize: 32, intermediateSize: 8, numExperts: 6, expertsPerToken: 2 };
    await expectParity("f32", shape, { routerValues: new Float32Array(6 * 32).fill(0.5) });
  });
});
