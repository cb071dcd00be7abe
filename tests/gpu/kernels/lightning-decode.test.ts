import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createLightningDecode, lightningTerms } from "../../../src/kernels/lightning-decode.ts";
import { type ResidualTerms, termRowLength, WHOLE_HIDDEN } from "../../../src/kernels/residual-terms.ts";
import { lightningDecode } from "../../../src/reference/kernels/lightning-decode.ts";
import { slope } from "../../../src/reference/model.ts";
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
  uploadStep,
  uploadWeights,
  useSession,
} from "../harness.ts";
import { addTerms, createTerms, hiddenOf, RESIDUAL_INPUTS } from "../residual-terms.ts";

const session = useSession();
const eps = 1e-5;

interface Shape {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly headDim: number;
}

async function createLayer(format: WeightFormat, shape: Shape, input: ResidualTerms = WHOLE_HIDDEN) {
  const { hiddenSize, numHeads, headDim } = shape;
  const random = createRandom(hiddenSize + headDim);
  const numRows = numHeads * 4 * headDim;
  const attentionSize = numHeads * headDim;
  const norm = randomArray(random, hiddenSize);
  const attentionNorm = randomArray(random, attentionSize);
  const slopes = Float32Array.from({ length: numHeads }, (_, head) => slope(head, 1, numHeads, 4));
  const stateValues = randomArray(random, attentionSize * headDim);
  const rows = randomArray(random, numRows * hiddenSize, 4 / Math.sqrt(hiddenSize));
  const weights = uploadWeights(session(), "qkv_proj, output_gate", format, numRows, hiddenSize, rows);
  // Quantised rows need whole groups of 32, which a tiny head has not: another format for out_proj then.
  const outFormat = columnsFor(format, attentionSize) === attentionSize ? format : "f16";
  const outRows = randomArray(random, hiddenSize * attentionSize);
  const outWeights = uploadWeights(session(), "out_proj", outFormat, hiddenSize, attentionSize, outRows);
  const { shape: termShape, values: firstTerms } = createTerms(random, input, hiddenSize);
  const numTerms = lightningTerms(shape);
  const tensors = {
    step: uploadStep(session(), 0, [0]),
    terms: upload(session(), "terms", termShape, firstTerms),
    norm: upload(session(), "norm", [hiddenSize], norm),
    weights: weights.matrix,
    attentionNorm: upload(
      session(),
      "attention norm, slopes",
      [attentionSize + numHeads],
      Float32Array.from([...attentionNorm, ...slopes]),
    ),
    state: upload(session(), "state", [numHeads, headDim, headDim], stateValues),
    outWeights: outWeights.matrix,
    nextTerms: createOutput(session(), "next terms", [numTerms + 2, termRowLength(hiddenSize)]),
  };
  const constants = { format, outFormat, input, hiddenSize, eps, numHeads, headDim };
  const create = await createLightningDecode(session(), constants);
  const dispatch = create("lightning_decode", tensors);
  const state = Float64Array.from(stateValues);
  const parameters = {
    norm,
    eps,
    qkvGate: weights.values,
    attentionNorm,
    slopes,
    outProj: outWeights.values,
  };
  return {
    ...tensors,
    stateValues,
    /** Reads one token in both; returns what the reference gives. */
    readToken() {
      const { values, hidden } = createTerms(random, input, hiddenSize);
      session().device.queue.writeBuffer(tensors.terms.buffer, 0, values as Float32Array<ArrayBuffer>);
      run(session(), [dispatch], 1);
      return { ...lightningDecode(hidden, parameters, state), hidden, state };
    },
    async expectClose(expected: ReturnType<typeof lightningDecode> & { hidden: Float64Array; state: Float64Array }) {
      const terms = await readFloats(session(), tensors.nextTerms);
      const { residual, output } = addTerms(terms, numTerms, attentionSize, hiddenSize);
      expect(terms.subarray(0, -4).filter((_, i) => i % termRowLength(hiddenSize) < hiddenSize)).not.toContain(
        SENTINEL,
      );
      // f32 sums of at most 1056 products, and a state that 120 roundings reach.
      expect(relativeError(hiddenOf(terms, hiddenSize), expected.hidden)).toBeLessThan(2e-6);
      expect(relativeError(residual, expected.residual)).toBeLessThan(5e-6);
      expect(relativeError(output, expected.output)).toBeLessThan(5e-6);
      expect(relativeError(await readFloats(session(), tensors.state), expected.state)).toBeLessThan(5e-6);
    },
  };
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("lightning_decode of %s weights", (format) => {
  it.each<Shape>([
    { hiddenSize: 32, numHeads: 1, headDim: 16 },
    { hiddenSize: 96, numHeads: 3, headDim: 24 },
    { hiddenSize: 64, numHeads: 5, headDim: 4 },
    { hiddenSize: 384, numHeads: 6, headDim: 64 },
  ])("reads 120 tokens at $hiddenSize, $numHeads heads of $headDim", async (shape) => {
    const layer = await createLayer(format, shape);
    const numTokens = 120;
    for (let token = 1; token <= numTokens; token++) {
      const expected = layer.readToken();
      if (token <= 2 || token === numTokens) await layer.expectClose(expected);
    }
  });

  it("fits workgroup memory at the largest head and a wide input", async () => {
    const layer = await createLayer(format, { hiddenSize: 1056, numHeads: 1, headDim: 128 });
    await layer.expectClose(layer.readToken());
  });
});

describe("lightning_decode", () => {
  it.each(RESIDUAL_INPUTS)("adds up %s", async (_, input) => {
    const layer = await createLayer("f32", { hiddenSize: 96, numHeads: 2, headDim: 32 }, input);
    await layer.expectClose(layer.readToken());
  });

  it("leaves the state as it is once the step is done", async () => {
    const layer = await createLayer("f32", { hiddenSize: 64, numHeads: 2, headDim: 32 });
    session().device.queue.writeBuffer(layer.step.buffer, 8, new Uint32Array([1]));
    layer.readToken();
    expect(await readFloats(session(), layer.state)).toEqual(layer.stateValues);
  });
});
