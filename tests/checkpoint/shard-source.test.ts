import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import type { HashedFile } from "../../src/checkpoint/hashed-file.ts";
import { type Manifest, parseManifest } from "../../src/checkpoint/manifest.ts";
import type { ReadOptions } from "../../src/checkpoint/model-files.ts";
import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import { makeCheckpoint, openMade, readAll } from "./made-checkpoint.ts";
import { readFrom } from "./memory-files.ts";

let weights = new Uint8Array(0);
const { manifest: converted } = await convertCheckpoint(
  await openHfCheckpoint(openMade(makeCheckpoint())),
  (_name, bytes) => {
    weights = bytes.slice();
    return Promise.resolve();
  },
  { quant: "q4" },
);

/** The made checkpoint cut anew at these sizes, again and again. */
function cutInto(...sizes: number[]): { manifest: Manifest; files: Map<string, Uint8Array<ArrayBuffer>> } {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let start = 0, index = 0; start < weights.length; index++) {
    const end = Math.min(weights.length, start + sizes[index % sizes.length]!);
    files.set(`part-${index}.bin`, weights.slice(start, end));
    start = end;
  }
  const shards = [...files].map(([file, bytes]) => {
    return { file, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  const json: unknown = JSON.parse(JSON.stringify({ ...converted, shards, name: "made", tokenizer: null, card: null }));
  return { manifest: parseManifest(json), files };
}

describe("weights from shards", () => {
  it.each([{ sizes: [1 << 20] }, { sizes: [4096] }, { sizes: [1003, 1, 2, 4099, 3, 3, 3] }, { sizes: [257] }])(
    "are the same whatever they are cut into: $sizes bytes",
    async ({ sizes }) => {
      const { manifest, files } = cutInto(...sizes);
      const read: string[] = [];
      const source = createShardSource(manifest, readFrom(files, read));
      for (const { name, offset, sizeBytes } of manifest.tensors) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of source.read(name)) {
          expect(chunk.length % 4, name).toBe(0);
          expect(chunk.length).toBeGreaterThan(0);
          chunks.push(chunk.slice());
        }
        const expected = weights.subarray(offset, offset + sizeBytes);
        expect(Buffer.compare(Buffer.concat(chunks), expected), name).toBe(0);
      }
      expect(read, "each shard once, in order").toEqual(manifest.shards.map(({ file }) => file));
    },
  );

  it("are read one shard ahead and no further", async () => {
    const { manifest, files } = cutInto(4096);
    const read: string[] = [];
    const source = createShardSource(manifest, readFrom(files, read));
    const [embedding] = manifest.tensors;
    const inside = Math.ceil(embedding!.sizeBytes / 4096);
    await readAll(source.read(embedding!.name));
    expect(read).toHaveLength(inside + 1);
    expect(createShardSource(manifest, readFrom(files, read)).config).toEqual(manifest.config);
    expect(read, "nothing before a tensor is read").toHaveLength(inside + 1);
  });

  it("keep no shard but the one in use and the next", async () => {
    const { manifest, files } = cutInto(4096);
    const read: string[] = [];
    const source = createShardSource(manifest, readFrom(files, read));
    const [first, middle] = [manifest.tensors[0]!, manifest.tensors.find(({ offset }) => offset > 3 * 4096)!];
    await readAll(source.read(first.name));
    await readAll(source.read(middle.name));
    await readAll(source.read(first.name));
    expect(read.filter((file) => file === manifest.shards[0]!.file)).toHaveLength(2);
  });

  it("are let go after the last tensor, and can be read again in any order", async () => {
    const { manifest, files } = cutInto(4096);
    const read: string[] = [];
    const source = createShardSource(manifest, readFrom(files, read));
    for (const name of source.tensors.keys()) await readAll(source.read(name));
    read.length = 0;
    const [last, first] = [manifest.tensors.at(-1)!, manifest.tensors[0]!];
    for (const { name, offset, sizeBytes } of [last, first]) {
      const expected = weights.subarray(offset, offset + sizeBytes);
      expect(Buffer.compare(await readAll(source.read(name)), expected), name).toBe(0);
    }
    expect(read).toContain(manifest.shards.at(-1)!.file);
    expect(read).toContain(manifest.shards[0]!.file);
  });

  it("tell their progress as bytes arrive, up to all of them", async () => {
    const { manifest, files } = cutInto(4096);
    const slowly = {
      read: async ({ file, sizeBytes }: HashedFile, { onBytes }: ReadOptions = {}) => {
        onBytes?.(Math.ceil(sizeBytes / 2));
        await Promise.resolve();
        onBytes?.(sizeBytes);
        return files.get(file)!;
      },
    };
    const progress: [number, number][] = [];
    const onProgress = (loaded: number, total: number) => progress.push([loaded, total]);
    const source = createShardSource(manifest, slowly, { onProgress });
    for (const name of source.tensors.keys()) await readAll(source.read(name));
    expect(progress).toHaveLength(2 * files.size);
    expect(progress.map(([loaded]) => loaded)).toEqual(progress.map(([loaded]) => loaded).toSorted((a, b) => a - b));
    expect(progress.at(-1)).toEqual([weights.length, weights.length]);
  });
});

describe("reading a tensor fails when", () => {
  const { manifest, files } = cutInto(1 << 20);
  const right = files.get("part-0.bin")!;

  it("its shard cannot be read; the next read tries again", async () => {
    let numReads = 0;
    const source = createShardSource(manifest, {
      read: () => {
        numReads += 1;
        return numReads > 1 ? Promise.resolve(right) : Promise.reject(new Error("not now"));
      },
    });
    await expect(readAll(source.read("model.norm.weight"))).rejects.toThrow("not now");
    const { offset, sizeBytes } = manifest.tensors.find(({ name }) => name === "model.norm.weight")!;
    const bytes = await readAll(source.read("model.norm.weight"));
    expect(Buffer.compare(bytes, weights.subarray(offset, offset + sizeBytes))).toBe(0);
  });

  it("the reader gives up: the reason is the signal's", async () => {
    const abort = new AbortController();
    const source = createShardSource(manifest, { read: (_file, { signal } = {}) => rejectOnAbort(signal!) });
    const reading = readAll(source.read("model.norm.weight", abort.signal));
    abort.abort();
    await expect(reading).rejects.toBe(abort.signal.reason);
  });

  it("the reader gives up; another reader does not hear of it", async () => {
    const cut = cutInto(4096);
    const abort = new AbortController();
    let numStalled = 0;
    // The first shard comes; the next one comes only to a reader that does not give up.
    const source = createShardSource(cut.manifest, {
      read: ({ file }, { signal } = {}) => {
        if (signal !== abort.signal || file === "part-0.bin") return Promise.resolve(cut.files.get(file)!);
        numStalled += 1;
        return rejectOnAbort(signal);
      },
    });
    const [first] = cut.manifest.tensors;
    const second = cut.manifest.tensors.find(({ offset }) => offset >= 4096)!;
    expect(second.offset, "in the second shard").toBeLessThan(2 * 4096);
    await source.read(first!.name, abort.signal)[Symbol.asyncIterator]().next();
    expect(numStalled).toBe(1);
    abort.abort();
    expect((await readAll(source.read(second.name))).length).toBe(second.sizeBytes);
  });

  it("the reader has given up, though the shard is there", async () => {
    const source = createShardSource(manifest, readFrom(files));
    await readAll(source.read("model.embed_tokens.weight"));
    const reason = new Error("enough");
    await expect(readAll(source.read("model.embed_tokens.weight", AbortSignal.abort(reason)))).rejects.toBe(reason);
  });

  it("the manifest has none of its name", async () => {
    const source = createShardSource(manifest, readFrom(files));
    await expect(readAll(source.read("model.extra"))).rejects.toThrow(RangeError);
  });
});

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}
