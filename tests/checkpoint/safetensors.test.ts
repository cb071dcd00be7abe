import { describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { readNumbers, readSafetensors } from "../../src/checkpoint/safetensors.ts";
import { bytesOf, joinBytes, sourceOf, withHeader, writeSafetensors } from "./made-checkpoint.ts";

const FILE = "model.safetensors";
const EIGHT = new Uint8Array(8);

async function expectRefused(bytes: Uint8Array, message: string): Promise<void> {
  const error: unknown = await readSafetensors(sourceOf(FILE, bytes)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CheckpointError);
  expect((error as CheckpointError).message).toBe(`${FILE}: ${message}`);
}

function entry(name: string, start: number, end: number, dtype = "F32", shape = [(end - start) / 4]): string {
  return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`;
}

describe("a safetensors file is refused when", () => {
  it("its header is larger than the format allows, before it is read", async () => {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, 100_000_001n, true);
    const reads: number[][] = [];
    const read = (start: number, end: number) => (reads.push([start, end]), Promise.resolve(length));
    await expect(readSafetensors({ name: FILE, sizeBytes: 1e12, read })).rejects.toThrow(
      new CheckpointError(FILE, "header length", "expected at most 100000000, got 100000001"),
    );
    expect(reads).toEqual([[0, 8]]);
  });

  it.each([
    { problem: "it is empty", bytes: new Uint8Array(0), message: "header length: expected 8 bytes, got a file of 0" },
    {
      problem: "its header is longer than the file",
      bytes: withHeader("{}", EIGHT, 11n),
      message: "header length: expected at most 10, got 11",
    },
    {
      problem: "its header has 2^63 bytes",
      bytes: withHeader("{}", EIGHT, 2n ** 63n),
      message: "header length: expected at most 10, got 9223372036854775808",
    },
    {
      problem: "its header is no JSON",
      bytes: withHeader("{]"),
      message: "header: expected JSON in UTF-8, got something else",
    },
    {
      problem: "its header is no UTF-8",
      bytes: joinBytes([withHeader("", undefined, 3n), Uint8Array.of(0x22, 0xff, 0x22)]),
      message: "header: expected JSON in UTF-8, got something else",
    },
    {
      problem: "its header begins with a byte order mark",
      bytes: withHeader("\ufeff{}"),
      message: "header: expected JSON in UTF-8, got something else",
    },
    { problem: "its header is a list", bytes: withHeader("[]"), message: "header: expected a JSON object, got []" },
    {
      problem: "a tensor is there twice",
      bytes: withHeader(`{${entry("a", 0, 4)},${entry("a", 4, 8)}}`, EIGHT),
      message: "a: expected the key once in the header, got it twice",
    },
    {
      problem: "a tensor is there twice, once written with an escape and spaces",
      bytes: withHeader(`{${entry("a", 0, 4)},"\\u0061"${" ".repeat(100)}:${entry("", 4, 8).slice(3)}}`, EIGHT),
      message: "a: expected the key once in the header, got it twice",
    },
    {
      problem: "a tensor has a field twice",
      bytes: withHeader(`{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}`, new Uint8Array(4)),
      message: "shape: expected the key once in the header, got it twice",
    },
    { problem: "a tensor is no object", bytes: withHeader(`{"a":7}`), message: "a: expected an object, got 7" },
    {
      problem: "a dtype is unknown",
      bytes: withHeader(`{${entry("a", 0, 8, "F31")}}`, EIGHT),
      message:
        "a: dtype: expected F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, " +
        'got "F31"',
    },
    {
      problem: "a shape has a negative length",
      bytes: withHeader(`{${entry("a", 0, 8, "F32", [-1, -2])}}`, EIGHT),
      message: "a: shape: expected a list of whole numbers, got [-1,-2]",
    },
    {
      problem: "offsets are missing",
      bytes: withHeader(`{"a":{"dtype":"F32","shape":[2]}}`, EIGHT),
      message: "a: data_offsets: expected two whole numbers, got nothing",
    },
    {
      problem: "a shape is endless: it is shown cut",
      bytes: withHeader(`{"a":{"dtype":"F32","shape":[${"-1,".repeat(1000)}1]}}`),
      message: `a: shape: expected a list of whole numbers, got [${"-1,".repeat(26)}-`,
    },
    {
      problem: "offsets go past the end, as in a truncated file",
      bytes: withHeader(`{${entry("a", 0, 12)}}`, EIGHT),
      message: "a: data_offsets: expected a range within 8 bytes, got 0 to 12",
    },
    {
      problem: "offsets end before they start",
      bytes: withHeader(`{${entry("a", 8, 4, "F32", [1])}}`, EIGHT),
      message: "a: data_offsets: expected a range within 8 bytes, got 8 to 4",
    },
    {
      problem: "offsets and shape disagree",
      bytes: withHeader(`{${entry("a", 0, 8, "BF16", [2, 3])}}`, EIGHT),
      message: "a: data_offsets: expected 12 bytes for BF16 (2, 3), got 8",
    },
    {
      problem: "a shape is larger than any number of bytes",
      bytes: withHeader(`{${entry("a", 0, 8, "F32", [2 ** 40, 2 ** 40])}}`, EIGHT),
      message: "a: data_offsets: expected 4.835703278458517e+24 bytes for F32 (1099511627776, 1099511627776), got 8",
    },
    {
      problem: "two tensors overlap",
      bytes: withHeader(`{${entry("b", 4, 8)},${entry("a", 0, 8)}}`, EIGHT),
      message: "b: data_offsets: expected 8 as start, got an overlap at 4",
    },
    {
      problem: "a gap lies between two tensors",
      bytes: withHeader(`{${entry("a", 0, 4)},${entry("b", 8, 12)}}`, new Uint8Array(12)),
      message: "b: data_offsets: expected 4 as start, got a gap at 8",
    },
    {
      problem: "bytes follow the last tensor",
      bytes: withHeader(`{${entry("a", 0, 4)}}`, EIGHT),
      message: "expected 4 bytes of tensors, got 8",
    },
  ])("$problem", ({ bytes, message }) => expectRefused(bytes, message));
});

describe("a safetensors file", () => {
  it("is read as f32 from every dtype of weights, in parts", async () => {
    const float = Float32Array.of(1, -2.5, 65504, 2 ** -24);
    const file = writeSafetensors({
      f32: { dtype: "F32", shape: [2, 2], bytes: bytesOf(float) },
      f16: { dtype: "F16", shape: [4], bytes: bytesOf(Uint16Array.of(0x3c00, 0xc100, 0x7bff, 0x0001)) },
      bf16: { dtype: "BF16", shape: [4], bytes: bytesOf(Uint16Array.of(0x3f80, 0xc020, 0x4780, 0x3380)) },
      i32: { dtype: "I32", shape: [4], bytes: bytesOf(Int32Array.of(0, -1, 7, 65536)) },
    });
    const tensors = await readSafetensors(sourceOf(FILE, file));
    const numbers = async (name: string) => [...(await readNumbers(tensors.get(name)!, 0, 4))];
    expect(await numbers("f32")).toEqual([...float]);
    expect(await numbers("f16")).toEqual([...float]);
    expect(await numbers("bf16")).toEqual([1, -2.5, 65536, 2 ** -24]);
    expect(await numbers("i32")).toEqual([0, -1, 7, 65536]);
    expect([...(await readNumbers(tensors.get("bf16")!, 1, 2))]).toEqual([-2.5, 65536]);
    expect(tensors.get("f32")!.shape).toEqual([2, 2]);
  });

  it("may hold metadata, no tensors, and tensors without elements", async () => {
    const empty = `"none":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}`;
    const file = withHeader(`{"__metadata__":{"format":"pt"},${empty}}`);
    expect([...(await readSafetensors(sourceOf(FILE, file))).keys()]).toEqual(["none"]);
    expect((await readSafetensors(sourceOf(FILE, withHeader("{}")))).size).toBe(0);
  });

  it.each([
    { value: NaN, shown: "NaN" },
    { value: -Infinity, shown: "-Infinity" },
  ])("with $value as a weight names the element", async ({ value, shown }) => {
    const bytes = bytesOf(Float32Array.of(0, 1, 2, value));
    const tensors = await readSafetensors(sourceOf(FILE, writeSafetensors({ a: { dtype: "F32", shape: [4], bytes } })));
    await expect(readNumbers(tensors.get("a")!, 2, 2)).rejects.toThrow(
      new CheckpointError(FILE, "a", `element 3: expected a finite number, got ${shown}`),
    );
  });
});
