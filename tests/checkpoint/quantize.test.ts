import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeRows, encodeRows, fromHalf, toHalf } from "../../src/checkpoint/quantize.ts";
import { readNumbers, readSafetensors } from "../../src/checkpoint/safetensors.ts";
import { sourceOf } from "./made-checkpoint.ts";

const [NUM_ROWS, NUM_COLUMNS, NUM_GROUPS] = [96, 384, 12];
const file = readFileSync(new URL("../fixtures/quant.safetensors", import.meta.url));
const fixture = await readSafetensors(sourceOf("quant.safetensors", new Uint8Array(file)));
const x = await readNumbers(fixture.get("x")!, 0, NUM_ROWS * NUM_COLUMNS);

function fixtureBytes(name: string): DataView {
  const { start, end } = fixture.get(name)!;
  return new DataView(file.buffer, file.byteOffset + start, end - start);
}

/** Places of an encoded row as docs/format.md gives them, written apart from the encoder. */
const LAYOUTS = {
  q8: { stride: 416, scalesAt: 384, quant: (row: DataView, column: number) => row.getInt8(column) },
  q4: {
    stride: 224,
    scalesAt: 192,
    quant: (row: DataView, column: number) => {
      const word = row.getUint32(16 * Math.floor(column / 32) + 4 * Math.floor((column % 32) / 8), true);
      const [byte, isHigh] = [column % 4, column % 8 >= 4];
      return ((word >>> (8 * byte + (isHigh ? 4 : 0))) & 15) - 8;
    },
  },
} as const;

describe.each(["q8", "q4"] as const)("%s", (format) => {
  const { stride, scalesAt, quant } = LAYOUTS[format];
  const encoded = encodeRows(format, x, NUM_ROWS, NUM_COLUMNS);

  it("has the fixture's quants and scales, bit for bit, in the places of docs/format.md", () => {
    expect(encoded.length).toBe(NUM_ROWS * stride);
    const [quants, scales] = [fixtureBytes(`${format}.q`), fixtureBytes(`${format}.scale`)];
    for (let row = 0; row < NUM_ROWS; row++) {
      const bytes = new DataView(encoded.buffer, row * stride, stride);
      for (let column = 0; column < NUM_COLUMNS; column++) {
        expect(quant(bytes, column), `row ${row}, column ${column}`).toBe(quants.getInt8(row * NUM_COLUMNS + column));
      }
      for (let group = 0; group < NUM_GROUPS; group++) {
        const expected = scales.getUint16(2 * (row * NUM_GROUPS + group), true);
        expect(bytes.getUint16(scalesAt + 2 * group, true), `row ${row}, group ${group}`).toBe(expected);
      }
      for (let at = scalesAt + 2 * NUM_GROUPS; at < stride; at++) expect(bytes.getUint8(at)).toBe(0);
    }
  });

  it("decodes to the fixture's values", async () => {
    const values = await readNumbers(fixture.get(`${format}.value`)!, 0, x.length);
    const decoded = decodeRows(format, encoded, NUM_ROWS, NUM_COLUMNS);
    const wrong = decoded.findIndex((value, i) => value !== values[i] && !(value === 0 && values[i] === 0));
    expect(wrong).toBe(-1);
  });

  it("decodes rows out of the middle of other bytes", () => {
    const moved = new Uint8Array(stride + 5);
    moved.set(encoded.subarray(9 * stride, 10 * stride), 5);
    const whole = decodeRows(format, encoded, NUM_ROWS, NUM_COLUMNS);
    expect(decodeRows(format, moved.subarray(5), 1, NUM_COLUMNS)).toEqual(
      whole.slice(9 * NUM_COLUMNS, 10 * NUM_COLUMNS),
    );
  });

  it("refuses a scale beyond f16, and columns that are no whole groups", () => {
    const limit = format === "q8" ? 127 : -8;
    const row = (scale: number) => new Float32Array(32).fill(scale * limit);
    expect(() => encodeRows(format, row(65504), 1, 32)).not.toThrow();
    expect(() => encodeRows(format, row(65536), 1, 32)).toThrow("scale: expected at most 65504 (f16), got 65536");
    expect(() => encodeRows(format, new Float32Array(48), 1, 48)).toThrow(
      `columns: expected a multiple of 32 for ${format}, got 48`,
    );
  });
});

describe("the worked example of docs/format.md", () => {
  const row = Float32Array.from({ length: 32 }, (_, i) => (i - 16) / 16);
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex").replaceAll(/../g, "$& ").trim();
  const padding = "00 ".repeat(14).trim();

  it("is q4's bytes", () => {
    const quants = "20 20 31 42 64 64 75 86 a8 a8 b9 ca ec ec fd fe";
    expect(hex(encodeRows("q4", row, 1, 32))).toBe(`${quants} 00 30 ${padding}`);
  });

  it("is q8's bytes", () => {
    const low = "81 89 91 99 a1 a9 b1 b9 c0 c8 d0 d8 e0 e8 f0 f8";
    const high = "00 08 10 18 20 28 30 38 40 47 4f 57 5f 67 6f 77";
    expect(hex(encodeRows("q8", row, 1, 32))).toBe(`${low} ${high} 08 20 ${padding}`);
  });
});

describe("f16 and f32", () => {
  it("pad rows with zeros to whole groups and come back", () => {
    const rows = Float32Array.from({ length: 2 * 48 }, (_, i) => i - 50);
    for (const [format, stride] of [["f16", 128] as const, ["f32", 256] as const]) {
      const encoded = encodeRows(format, rows, 2, 48);
      expect(encoded.length).toBe(2 * stride);
      expect([...encoded.subarray((stride * 3) / 4, stride)].every((byte) => byte === 0)).toBe(true);
      expect(decodeRows(format, encoded, 2, 48)).toEqual(rows);
    }
  });

  it("are little-endian", () => {
    expect([...encodeRows("f32", Float32Array.of(1), 1, 1).subarray(0, 4)]).toEqual([0, 0, 0x80, 0x3f]);
    expect([...encodeRows("f16", Float32Array.of(1), 1, 1).subarray(0, 2)]).toEqual([0, 0x3c]);
  });

  it("refuse a value beyond f16 in f16", () => {
    expect(() => encodeRows("f16", Float32Array.of(65519), 1, 1)).not.toThrow();
    expect(() => encodeRows("f16", Float32Array.of(-65520), 1, 1)).toThrow(
      "value: expected at most 65504 (f16), got 65520",
    );
  });

  it("round to the nearest f16, half to even: every f16, the middles between, and their neighbours", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [fromHalf(bits), fromHalf(bits + 1)];
      const middle = (low + high) / 2;
      expect(toHalf(low)).toBe(bits);
      expect(toHalf(-low)).toBe(bits | 0x8000);
      expect(toHalf(middle), `middle above ${low}`).toBe(bits % 2 === 0 ? bits : bits + 1);
      expect(toHalf(middle - middle * 2 ** -23)).toBe(bits);
      expect(toHalf(middle + middle * 2 ** -23)).toBe(bits + 1);
    }
  });

  it("know all 65,536 f16 by their definition", () => {
    const define = (bits: number): number => {
      const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
      if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
      return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
    };
    const all = Array.from({ length: 65_536 }, (_, bits) => bits);
    expect(all.findIndex((bits) => !Object.is(fromHalf(bits), define(bits)))).toBe(-1);
    const isNan = (bits: number) => Number.isNaN(define(bits));
    expect(all.findIndex((bits) => toHalf(define(bits)) !== (isNan(bits) ? 0x7e00 : bits))).toBe(-1);
    expect([toHalf(Infinity), toHalf(1e9), toHalf(NaN)]).toEqual([0x7c00, 0x7c00, 0x7e00]);
  });
});
