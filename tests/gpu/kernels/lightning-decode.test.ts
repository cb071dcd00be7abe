import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createLightningDecode } from "../../../src/kernels/lightning-decode.ts";
import { lightningDecode } from "../../../src/reference/kernels/lightning-decode.ts";
import { slope } from "../../../src/reference/model.ts";
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
const eps = 1e-5;

interface Shape {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly headDim: number;
}

async function createLayer(format: WeightFormat, { hiddenSize, numHeads, headDim }: Shape) {
  const random = createRandom(hiddenSize + headDim);
  const numRows = numHeads * 4 * headDim;
  const attentionSize = numHeads * headDim;
  const normValues = randomArray(random, hiddenSize);
  const slopeValues = Float32Array.from({ length: numHeads }, (_, head) => slope(head, 1, numHeads, 4));
  const stateValues = randomArray(random, attentionSize * headDim);
  const rows = randomArray(random, numRows * hiddenSize, 4 / Math.sqrt(hiddenSize));
  const weights = uploadWeights(session(), "qkv_proj, output_gate", format, numRows, hiddenSize, rows);
  const tensors = {
    step: uploadStep(session(), 0, [0]),
    hidden: upload(session(), "hidden", [2, hiddenSize], new Float32Array(2 * hiddenSize)),
    norm: upload(session(), "norm", [hiddenSize], normValues),
    weights: weights.matrix,
    slopes: upload(session(), "slopes", [numHeads], slopeValues),
    state: upload(session(), "state", [numHeads, headDim, headDim], stateValues),
    attentionOutput: upload(session(), "attention output", [2, attentionSize], new Float32Array(0)),
    gate: upload(session(), "gate", [2, attentionSize], new Float32Array(0)),
  };
  const create = await createLightningDecode(session(), { format, hiddenSize, eps, numHeads, headDim });
  const dispatch = create("lightning_decode", tensors);
  const state = Float64Array.from(stateValues);
  return {
    ...tensors,
    stateValues,
    /** Reads one token in both; returns what the reference gives. */
    readToken() {
      const hiddenValues = randomArray(random, hiddenSize, 3) as Float32Array<ArrayBuffer>;
      session().device.queue.writeBuffer(tensors.hidden.buffer, 0, hiddenValues);
      run(session(), [dispatch], 1);
      return { ...lightningDecode(hiddenValues, normValues, eps, weights.values, slopeValues, state), state };
    },
  };
}

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("lightning_decode of %s weights", (format) => {
  it.each<Shape>([
    { hiddenSize: 32, numHeads: 1, headDim: 16 },
    { hiddenSize: 96, numHeads: 3, headDim: 24 },
    { hiddenSize: 384, numHeads: 6, headDim: 64 },
  ])("reads 120 tokens at $hiddenSize, $numHeads heads of $headDim", async (shape) => {
    const layer = await createLayer(format, shape);
    const numTokens = 120;
    for (let token = 1; token <= numTokens; token++) {
      const expected = layer.readToken();
      if (token > 2 && token < numTokens) continue;
      // f32 sums of at most 384 products, and a state that 120 roundings reach.
      expect(relativeError(await readFloats(session(), layer.gate), expected.gate)).toBeLessThan(5e-6);
      expect(relativeError(await readFloats(session(), layer.attentionOutput), expected.attentionOutput)).toBeLessThan(
        5e-6,
      );
      expect(relativeError(await readFloats(session(), layer.state), expected.state)).toBeLessThan(5e-6);
    }
  });

  it("fits workgroup memory at the largest head, and stages a wide input in parts", async () => {
    const layer = await createLayer(format, { hiddenSize: 1056, numHeads: 1, headDim: 128 });
    const expected = layer.readToken();
    expect(relativeError(await readFloats(session(), layer.attentionOutput), expected.attentionOutput)).toBeLessThan(
      5e-6,
    );
    expect(relativeError(await readFloats(session(), layer.state), expected.state)).toBeLessThan(5e-6);
  });
});

describe("lightning_decode", () => {
  it("leaves the state as it is once the step is done", async () => {
    const layer = await createLayer("f32", { hiddenSize: 64, numHeads: 2, headDim: 32 });
    session().device.queue.writeBuffer(layer.step.buffer, 8, new Uint32Array([1]));
    layer.readToken();
    expect(await readFloats(session(), layer.state)).toEqual(layer.stateValues);
  });

  it("writes the first row of its outputs alone", async () => {
    const layer = await createLayer("f32", { hiddenSize: 64, numHeads: 2, headDim: 32 });
    layer.readToken();
    for (const tensor of [layer.attentionOutput, layer.gate]) {
      expect((await readFloats(session(), tensor)).subarray(64)).toEqual(new Float32Array(64));
    }
  });
});
