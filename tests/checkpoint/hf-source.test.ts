import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openFolder } from "../../scripts/node/files.ts";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import { createHfSource } from "../../src/checkpoint/hf-source.ts";
import { decodeRows, encodeRows } from "../../src/checkpoint/quantize.ts";
import { readNumbers, readSafetensors } from "../../src/checkpoint/safetensors.ts";
import { rowStrideBytes, type WeightFormat } from "../../src/checkpoint/weight-source.ts";
import {
  bytesOf,
  joinBytes,
  makeCheckpoint,
  openMade,
  readAll,
  sizeOf,
  sourceOf,
  writeSafetensors,
} from "./made-checkpoint.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");
const FILE = "model.safetensors";

function openFixture(name: string) {
  return openHfCheckpoint(openFolder(join(FIXTURES, name)));
}

async function readTensors(name: string, quant: WeightFormat): Promise<Map<string, Uint8Array>> {
  const source = createHfSource(await openFixture(name), quant);
  const tensors = new Map<string, Uint8Array>();
  for (const tensor of source.tensors.keys()) tensors.set(tensor, await readAll(source.read(tensor)));
  return tensors;
}

/** A checkpoint's tensor as its file holds it. */
async function readStored(name: string, file: string, tensor: string): Promise<Float32Array> {
  const stored = (await readSafetensors((await openFolder(join(FIXTURES, name))(file))!)).get(tensor)!;
  return readNumbers(stored, 0, sizeOf(stored.shape));
}

describe("weights from a Hugging Face directory", () => {
  it("are the same from MiniMax's own row order as from Transformers'", async () => {
    const [tiny, original] = [await readTensors("golden-tiny", "f32"), await readTensors("golden-original", "f32")];
    expect([...original.keys()]).toEqual([...tiny.keys()]);
    for (const [name, bytes] of tiny) expect(Buffer.compare(bytes, original.get(name)!), name).toBe(0);
    const stored = (name: string) => readStored(name, FILE, "model.layers.7.self_attn.q_proj.weight");
    expect(await stored("golden-original"), "the files differ").not.toEqual(await stored("golden-tiny"));
  });

  it("are the checkpoint's own numbers in f32", async () => {
    const tensors = await readTensors("golden-fused", "f32");
    const gateUp = "model.layers.1.mlp.experts.gate_up_proj";
    const stored = await readStored("golden-fused", "model-00001-of-00002.safetensors", gateUp);
    expect(decodeRows("f32", tensors.get(gateUp)!, 3 * 192, 64)).toEqual(stored);
    expect(tensors.has("lm_head.weight")).toBe(false);
  });

  it("hold each expert's w1 rows, then its w3 rows", async () => {
    const { tensors } = makeCheckpoint();
    const source = createHfSource(await openHfCheckpoint(openMade(makeCheckpoint())), "f32");
    const matrices = ["0.w1", "0.w3", "1.w1", "1.w3"].map((matrix) => {
      return tensors[`model.layers.1.block_sparse_moe.experts.${matrix}.weight`]!.bytes;
    });
    expect(await readAll(source.read("model.layers.1.mlp.experts.gate_up_proj"))).toEqual(joinBytes(matrices));
  });

  it("of a bf16 checkpoint in q4 are its rows encoded, embeddings in q8, norms and routers in f32", async () => {
    const source = createHfSource(await openFixture("golden-wide"), "q4");
    const formats = new Map([...source.tensors.values()].map(({ name, format }) => [name, format]));
    expect(formats.get("model.embed_tokens.weight")).toBe("q8");
    expect(formats.get("lm_head.weight")).toBe("q8");
    expect(formats.get("model.layers.15.mlp.gate.weight")).toBe("f32");
    expect(formats.get("model.layers.15.input_layernorm.weight")).toBe("f32");
    const name = "model.layers.15.self_attn.v_proj.weight";
    const stored = await readStored("golden-wide", FILE, name);
    expect(await readAll(source.read(name))).toEqual(encodeRows("q4", stored, 64, 96));
    expect(source.tensors.get(name)).toEqual({ name, format: "q4", shape: [64, 96], sizeBytes: 64 * 64 });
  });

  it("come in chunks of whole rows, as many bytes as announced, and again when read again", async () => {
    const source = createHfSource(await openFixture("golden-fused"), "q8");
    for (const { name, format, shape, sizeBytes } of source.tensors.values()) {
      const bytes = await readAll(source.read(name));
      expect(bytes.length, name).toBe(sizeBytes);
      expect(bytes.length % rowStrideBytes(format, shape.at(-1)!)).toBe(0);
      expect(Buffer.compare(await readAll(source.read(name)), bytes), name).toBe(0);
    }
  });

  it("are reordered by whole heads in a tensor larger than what is read at a time", async () => {
    const [name, numRows, headDim, hiddenSize] = ["q_proj", 64 * 24, 24, 1024];
    const values = Float32Array.from({ length: numRows * hiddenSize }, (_, i) => Math.floor(i / hiddenSize));
    const file = sourceOf(
      FILE,
      writeSafetensors({ [name]: { dtype: "F32", shape: [numRows, hiddenSize], bytes: bytesOf(values) } }),
    );
    const tensor = (await readSafetensors(file)).get(name)!;
    const from = Array.from({ length: headDim }, (_, row) => headDim - 1 - row);
    const parts = [{ tensor, numRows, reorder: { blockRows: headDim, from } }];
    const checkpoint = await openHfCheckpoint(openMade(makeCheckpoint()));
    const planned = { name, kind: "attention" as const, shape: tensor.shape, parts };
    const chunks: Uint8Array[] = [];
    for await (const chunk of createHfSource({ ...checkpoint, tensors: [planned] }, "f32").read(name))
      chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(1);
    const decoded = decodeRows("f32", joinBytes(chunks), numRows, hiddenSize);
    const rows = Array.from({ length: numRows }, (_, row) => decoded[(row + 1) * hiddenSize - 1]);
    expect(rows).toEqual(rows.map((_, row) => row - (row % headDim) + from[row % headDim]!));
  });

  it("stop when they are told to", async () => {
    const source = createHfSource(await openFixture("golden-fused"), "q8");
    const reading = readAll(source.read("model.norm.weight", AbortSignal.abort()));
    await expect(reading).rejects.toThrow(/aborted/);
    await expect(readAll(source.read("nothing"))).rejects.toThrow(RangeError);
  });
});

describe("weights that a format cannot hold", () => {
  it.each(["q4", "q8"] as const)("name the tensor whose input axis %s does not divide", async (quant) => {
    const checkpoint = await openFixture("golden-tiny");
    expect(() => createHfSource(checkpoint, quant)).toThrow(
      new CheckpointError(
        FILE,
        "model.layers.0.block_sparse_moe.experts.0.w2.weight",
        `input axis: expected a multiple of 32 for ${quant} (f16 and f32 work), got 48`,
      ),
    );
    expect(() => createHfSource(checkpoint, "f16")).not.toThrow();
  });

  it.each([
    { quant: "q4", value: 1e6, problem: "scale: expected at most 65504 (f16), got 125000" },
    { quant: "q8", value: -1e7, problem: "scale: expected at most 65504 (f16), got 78740.15625" },
    { quant: "f16", value: 70_000, problem: "value: expected at most 65504 (f16), got 70000" },
    { quant: "f32", value: Infinity, problem: "element 3: expected a finite number, got Infinity" },
    { quant: "q4", value: NaN, problem: "element 3: expected a finite number, got NaN" },
  ] as const)("name the tensor with $value in $quant", async ({ quant, value, problem }) => {
    const name = "model.layers.0.self_attn.out_proj.weight";
    const made = makeCheckpoint();
    const values = new Float32Array(64 * 32);
    values[3] = value;
    made.tensors[name]!.bytes = bytesOf(values);
    const source = createHfSource(await openHfCheckpoint(openMade(made)), quant);
    await expect(readAll(source.read(name))).rejects.toThrow(new CheckpointError(FILE, name, problem));
  });
});
