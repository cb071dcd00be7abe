import { createHash } from "node:crypto";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../scripts/node/files.ts";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { convertCheckpoint, type Converted } from "../../src/checkpoint/convert.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import { createHfSource } from "../../src/checkpoint/hf-source.ts";
import { type Manifest, parseManifest } from "../../src/checkpoint/manifest.ts";
import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import type { WeightFormat } from "../../src/checkpoint/weight-source.ts";
import { bytesOf, joinBytes, type MadeCheckpoint, makeCheckpoint, openMade, readAll } from "./made-checkpoint.ts";
import { readFrom } from "./memory-files.ts";

interface Export extends Converted {
  readonly files: Map<string, Uint8Array>;
  readonly progress: (readonly [number, number])[];
}

async function convert(checkpoint: Parameters<typeof convertCheckpoint>[0], quant: WeightFormat): Promise<Export> {
  const files = new Map<string, Uint8Array>();
  const progress: [number, number][] = [];
  const write = (name: string, bytes: Uint8Array) => {
    files.set(name, bytes.slice());
    return Promise.resolve();
  };
  const onProgress = (written: number, total: number) => progress.push([written, total]);
  return { ...(await convertCheckpoint(checkpoint, write, { quant, onProgress })), files, progress };
}

/** As the exporter writes it and a page reads it. */
function reparse({ manifest }: Export): Manifest {
  return parseManifest(JSON.parse(JSON.stringify({ ...manifest, name: "made", tokenizer: null, card: null })));
}

function openFixture(name: string) {
  return openHfCheckpoint(openFolder(join(import.meta.dirname, "../fixtures", name)));
}

describe.each([
  { name: "golden-fused", quant: "q4" },
  { name: "golden-fused", quant: "f16" },
  { name: "golden-original", quant: "f32" },
  { name: "golden-wide", quant: "q4" },
  { name: "golden-wide", quant: "q8" },
] as const)("$name exported in $quant", ({ name, quant }) => {
  let exported: Export;
  beforeAll(async () => {
    exported = await convert(await openFixture(name), quant);
  });

  it("reads back as it reads without an export", async () => {
    const direct = createHfSource(await openFixture(name), quant);
    const source = createShardSource(reparse(exported), readFrom(exported.files));
    expect(source.config).toEqual(direct.config);
    expect([...source.tensors.keys()]).toEqual([...direct.tensors.keys()]);
    for (const tensor of direct.tensors.keys()) {
      const [got, expected] = [await readAll(source.read(tensor)), await readAll(direct.read(tensor))];
      expect(Buffer.compare(got, expected), tensor).toBe(0);
    }
  });

  it("lies in shards of 16 MiB with their digests, tensors at multiples of 256 and zeros between", () => {
    const { manifest, files } = exported;
    expect([...files.keys()]).toEqual(manifest.shards.map(({ file }) => file));
    for (const [index, { file, sizeBytes, sha256 }] of manifest.shards.entries()) {
      expect(file).toBe(`weights-0000${index + 1}.bin`);
      expect(files.get(file)!.length).toBe(sizeBytes);
      if (index < manifest.shards.length - 1) expect(sizeBytes).toBe(16 * 1024 * 1024);
      expect(createHash("sha256").update(files.get(file)!).digest("hex")).toBe(sha256);
    }
    const stream = joinBytes([...files.values()]);
    let end = 0;
    for (const { offset, sizeBytes } of manifest.tensors) {
      expect(offset % 256).toBe(0);
      expect(offset - end).toBeLessThan(256);
      expect([...stream.subarray(end, offset)].every((byte) => byte === 0)).toBe(true);
      end = offset + sizeBytes;
    }
    expect(stream.length).toBe(end);
  });

  it("tells how far it is, up to the end", () => {
    const written = exported.progress.map(([bytes]) => bytes);
    const sizeBytes = exported.manifest.shards.reduce((sum, shard) => sum + shard.sizeBytes, 0);
    expect(written).toEqual(written.toSorted((a, b) => a - b));
    expect(exported.progress.at(-1)).toEqual([sizeBytes, sizeBytes]);
  });
});

it.each(["f16", "f32"] as const)("MiniMax's own form of a model becomes the very same shards in %s", async (quant) => {
  const tiny = await convert(await openFixture("golden-tiny"), quant);
  const original = await convert(await openFixture("golden-original"), quant);
  expect(original.manifest.shards).toEqual(tiny.manifest.shards);
  expect(original.manifest.tensors).toEqual(tiny.manifest.tensors);
  for (const [file, bytes] of tiny.files) expect(Buffer.compare(original.files.get(file)!, bytes), file).toBe(0);
});

it("a model of several shards is cut within tensors", async () => {
  const { manifest } = await convert(await openFixture("golden-wide"), "f32");
  expect(manifest.shards.length).toBeGreaterThan(1);
  const cut = 16 * 1024 * 1024;
  expect(manifest.tensors.some(({ offset, sizeBytes }) => offset < cut && offset + sizeBytes > cut)).toBe(true);
});

it("a model whose last tensor is no multiple of 256 ends where that tensor ends, and says so", async () => {
  const made = makeCheckpoint();
  made.config["vocab_size"] = 47;
  for (const name of ["model.embed_tokens.weight", "lm_head.weight"]) {
    made.tensors[name] = { dtype: "BF16", shape: [47, 64], bytes: new Uint8Array(47 * 64 * 2) };
  }
  const { manifest, progress } = await convert(await openHfCheckpoint(openMade(made)), "q4");
  const { offset, sizeBytes } = manifest.tensors.at(-1)!;
  expect(sizeBytes).toBe(47 * 80);
  expect(manifest.shards[0]!.sizeBytes).toBe(offset + sizeBytes);
  expect(progress.at(-1)).toEqual([offset + sizeBytes, offset + sizeBytes]);
});

/** A checkpoint whose weights are zeros but for those set. */
function makeZeros(values: Record<string, readonly number[]>): MadeCheckpoint {
  const made = makeCheckpoint();
  for (const [name, tensor] of Object.entries(made.tensors)) {
    const numbers = new Float32Array(tensor.bytes.length / 4);
    numbers.set(values[name] ?? []);
    tensor.bytes = bytesOf(numbers);
  }
  return made;
}

it("the summary has each kind's format, bytes and largest error", async () => {
  const made = makeZeros({
    // q4: scale 1, so that 0.25 becomes 0 and 6.875 becomes 7.
    "model.layers.0.self_attn.out_proj.weight": [-8, 0.25, 6.875],
    // q8: scale 1, so that 0.375 becomes 0.
    "lm_head.weight": [127, 0.375],
    "model.norm.weight": [0.1],
  });
  const { kinds } = await convert(await openHfCheckpoint(openMade(made)), "q4");
  const rows = kinds.map(({ kind, ...row }) => [kind, row] as const);
  const exact = { largestError: 0, largestMagnitude: 0 };
  expect(Object.fromEntries(rows)).toEqual({
    embedding: { format: "q8", numTensors: 2, sizeBytes: 2 * 48 * 80, largestError: 0.375, largestMagnitude: 127 },
    norm: {
      format: "f32",
      numTensors: 6,
      sizeBytes: 4 * (5 * 64 + 32),
      largestError: 0,
      largestMagnitude: Math.fround(0.1),
    },
    attention: {
      format: "q4",
      numTensors: 7,
      sizeBytes: (3 * 32 + 32 + 32 + 2 * 16) * 48 + 2 * 64 * 32,
      largestError: 0.25,
      largestMagnitude: 8,
    },
    router: { format: "f32", numTensors: 2, sizeBytes: 2 * 2 * 64 * 4, ...exact },
    experts: { format: "q4", numTensors: 4, sizeBytes: 2 * 2 * (64 * 48 + 64 * 32), ...exact },
  });
});

it("NaN in the middle of a conversion is refused by tensor and element", async () => {
  const name = "model.layers.1.block_sparse_moe.experts.1.w2.weight";
  const made = makeZeros({ [name]: [0, 0, NaN] });
  const checkpoint = await openHfCheckpoint(openMade(made));
  await expect(convert(checkpoint, "q4")).rejects.toThrow(
    new CheckpointError("model.safetensors", name, "element 2: expected a finite number, got NaN"),
  );
});
