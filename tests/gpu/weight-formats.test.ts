import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../src/checkpoint/weight-source.ts";
import { createEmbed } from "../../src/kernels/embed.ts";
import { createOutput, readWritten, run, uploadCall, uploadStep, uploadWeights, useSession } from "./harness.ts";

const session = useSession();

/** The number that the bits of an f16 stand for, by its definition. */
function halfValue(bits: number): number {
  const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
  const magnitude = exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** Encodes rows of 32 values, which the format holds exactly, and reads them back by `embed`. */
async function readThroughKernel(format: WeightFormat, rows: Float32Array): Promise<Float32Array> {
  const numRows = rows.length / 32;
  const { matrix } = uploadWeights(session(), "weights", format, numRows, 32, rows);
  const hidden = createOutput(session(), "hidden", [numRows, 32]);
  const create = await createEmbed(session(), { format, hiddenSize: 32, firstRow: 0, numRows });
  const call = uploadCall(session(), { numTokens: numRows });
  const step = uploadStep(
    session(),
    0,
    Array.from({ length: numRows }, (_, row) => row),
  );
  run(session(), [create("embed", { call, step, weights: matrix, hidden })], numRows);
  return readWritten(session(), hidden, rows.length);
}

/** Where two arrays differ as numbers (-0 equals 0): the first index, or -1. */
function firstDifference(actual: Float32Array, expected: Float32Array): number {
  return actual.findIndex((value, i) => !(value === expected[i]));
}

/** Every scale: positive subnormals, then each power of two and its neighbours up to where 127 scales still are finite. */
const scaleBits = [
  ...Array.from({ length: 1023 }, (_, i) => i + 1),
  ...Array.from({ length: 22 }, (_, i) => [-1, 0, 1].map((step) => (i + 1) * 1024 + step)).flat(),
];

describe("weights read by a kernel", () => {
  it("are exact for every finite f16, subnormals among them", async () => {
    const bits = Array.from({ length: 65536 }, (_, i) => i).filter((value) => ((value >> 10) & 31) !== 31);
    const values = Float32Array.from(bits, halfValue);
    expect(firstDifference(await readThroughKernel("f16", values), values)).toBe(-1);
  });

  it("are exact for every q8 step of subnormal and normal scales", async () => {
    // Nine rows for each scale hold the quants -127 … 127; each row's first value sets the scale.
    const values = Float32Array.from({ length: scaleBits.length * 9 * 32 }, (_, i) => {
      const row = Math.floor(i / 32);
      const quant = i % 32 === 0 ? 127 : Math.min(127, (row % 9) * 31 + (i % 32) - 128);
      return quant * halfValue(scaleBits[Math.floor(row / 9)]!);
    });
    expect(firstDifference(await readThroughKernel("q8", values), values)).toBe(-1);
  });

  it.each([1, -1])("are exact for every q4 step of subnormal and normal scales of sign %d", async (sign) => {
    const values = Float32Array.from({ length: scaleBits.length * 32 }, (_, i) => {
      const quant = ((i % 32) * 5) % 16;
      return sign * (quant - 8) * halfValue(scaleBits[Math.floor(i / 32)]!);
    });
    expect(firstDifference(await readThroughKernel("q4", values), values)).toBe(-1);
  });
});
