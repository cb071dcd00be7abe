import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createLightningQkvGate } from "../../../src/kernels/lightning-qkv-gate.ts";
import { lightningQkvGate } from "../../../src/reference/kernels/lightning-qkv-gate.ts";
import {
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

interface Shape {
  readonly format: WeightFormat;
  readonly numTokens: number;
  readonly attentionSize: number;
  readonly hiddenSize: number;
}

/** Runs the kernel on encoded `rows` with surplus tokens; `weights` are the decoded rows. */
async function runKernel(shape: Shape, input: Float32Array, rows: Float32Array) {
  const { format, numTokens, attentionSize, hiddenSize } = shape;
  const { matrix, values } = uploadWeights(session(), "weights", format, 4 * attentionSize, hiddenSize, rows);
  const create = await createLightningQkvGate(session(), { format, attentionSize, hiddenSize });
  const qkv = createOutput(session(), "qkv", [numTokens + 40, 3 * attentionSize]);
  const gate = createOutput(session(), "gate", [numTokens + 40, attentionSize]);
  // Tokens past the block hold numbers too: they must change nothing.
  const normed = new Float32Array((numTokens + 40) * hiddenSize).fill(7);
  normed.set(input);
  const tensors = {
    call: uploadCall(session(), { numTokens }),
    normed: upload(session(), "normed", [numTokens + 40, hiddenSize], normed),
    weights: matrix,
    qkv,
    gate,
  };
  run(session(), [create("lightning_qkv_gate", tensors)], numTokens + 40);
  return {
    weights: values,
    qkv: await readWritten(session(), qkv, numTokens * 3 * attentionSize),
    gate: await readWritten(session(), gate, numTokens * attentionSize),
  };
}

describe("lightning_qkv_gate", () => {
  it.each<Shape>([
    { format: "q4", numTokens: 1, attentionSize: 4, hiddenSize: 32 },
    { format: "q4", numTokens: 65, attentionSize: 20, hiddenSize: 384 },
    { format: "q4", numTokens: 70, attentionSize: 384, hiddenSize: 96 },
    // The gate begins inside a tile, and columns end inside a group of 32.
    { format: "f32", numTokens: 37, attentionSize: 72, hiddenSize: 72 },
    { format: "f16", numTokens: 37, attentionSize: 72, hiddenSize: 72 },
    { format: "q8", numTokens: 37, attentionSize: 72, hiddenSize: 96 },
  ])("gives ($numTokens, $hiddenSize) q, k, v and gates of $attentionSize from $format", async (shape) => {
    const { numTokens, attentionSize, hiddenSize } = shape;
    const random = createRandom(numTokens + hiddenSize);
    const input = randomArray(random, numTokens * hiddenSize, 2);
    const actual = await runKernel(shape, input, randomArray(random, 4 * attentionSize * hiddenSize));
    const expected = lightningQkvGate(input, actual.weights, attentionSize);
    expect(relativeError(actual.qkv, expected.qkv)).toBeLessThan(TOLERANCE);
    expect(relativeError(actual.gate, expected.gate)).toBeLessThan(TOLERANCE);
  });
});

describe("silu of sums far from zero", () => {
  it("is 0 below and the sum above, without NaN", async () => {
    const shape: Shape = { format: "f32", numTokens: 1, attentionSize: 4, hiddenSize: 32 };
    const sums = [-1e4, -100, 100, 1e4];
    const rows = Float32Array.from({ length: 16 * 32 }, (_, i) => (i % 32 === 0 ? sums[(i / 32) % 4]! : 0));
    const input = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
    const { qkv, gate } = await runKernel(shape, input, rows);
    for (const part of [0, 1, 2]) {
      const [lowest, low, high, highest] = qkv.subarray(4 * part);
      expect(Math.abs(lowest!)).toBe(0);
      expect(Math.abs(low!)).toBeLessThan(1e-30);
      expect([high, highest]).toEqual([100, 1e4]);
    }
    expect([...gate]).toEqual(sums);
  });
});
