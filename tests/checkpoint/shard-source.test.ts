import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { convertCheckpoint } from "../../src/checkpoint/convert.ts";
import { DownloadError } from "../../src/checkpoint/download-error.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import { type Manifest, parseManifest } from "../../src/checkpoint/manifest.ts";
import { createShardSource, type FetchFile } from "../../src/checkpoint/shard-source.ts";
import { makeCheckpoint, openMade, readAll } from "./made-checkpoint.ts";

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

function fetchFrom(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, fetched: string[] = []): FetchFile {
  return (name) => {
    fetched.push(name);
    return Promise.resolve(new Blob([files.get(name)!]).stream());
  };
}

describe("weights from shards", () => {
  it.each([{ sizes: [1 << 20] }, { sizes: [4096] }, { sizes: [1003, 1, 2, 4099, 3, 3, 3] }, { sizes: [257] }])(
    "are the same whatever they are cut into: $sizes bytes",
    async ({ sizes }) => {
      const { manifest, files } = cutInto(...sizes);
      const fetched: string[] = [];
      const source = createShardSource(manifest, fetchFrom(files, fetched));
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
      expect(fetched, "each shard once, in order").toEqual(manifest.shards.map(({ file }) => file));
    },
  );

  it("are fetched one shard ahead and no further", async () => {
    const { manifest, files } = cutInto(4096);
    const fetched: string[] = [];
    const source = createShardSource(manifest, fetchFrom(files, fetched));
    const [embedding] = manifest.tensors;
    const inside = Math.ceil(embedding!.sizeBytes / 4096);
    await readAll(source.read(embedding!.name));
    expect(fetched).toHaveLength(inside + 1);
    expect(createShardSource(manifest, fetchFrom(files, fetched)).config).toEqual(manifest.config);
    expect(fetched, "nothing before a tensor is read").toHaveLength(inside + 1);
  });

  it("keep no shard but the one in use and the next", async () => {
    const { manifest, files } = cutInto(4096);
    const fetched: string[] = [];
    const source = createShardSource(manifest, fetchFrom(files, fetched));
    const [first, middle] = [manifest.tensors[0]!, manifest.tensors.find(({ offset }) => offset > 3 * 4096)!];
    await readAll(source.read(first.name));
    await readAll(source.read(middle.name));
    await readAll(source.read(first.name));
    expect(fetched.filter((file) => file === manifest.shards[0]!.file)).toHaveLength(2);
  });

  it("are let go after the last tensor, and can be read again in any order", async () => {
    const { manifest, files } = cutInto(4096);
    const fetched: string[] = [];
    const source = createShardSource(manifest, fetchFrom(files, fetched));
    for (const name of source.tensors.keys()) await readAll(source.read(name));
    fetched.length = 0;
    const [last, first] = [manifest.tensors.at(-1)!, manifest.tensors[0]!];
    for (const { name, offset, sizeBytes } of [last, first]) {
      const expected = weights.subarray(offset, offset + sizeBytes);
      expect(Buffer.compare(await readAll(source.read(name)), expected), name).toBe(0);
    }
    expect(fetched).toContain(manifest.shards.at(-1)!.file);
    expect(fetched).toContain(manifest.shards[0]!.file);
  });

  it("tell their progress as bytes arrive, up to all of them", async () => {
    const { manifest, files } = cutInto(4096);
    const slowly: FetchFile = (name) => {
      const bytes = files.get(name)!;
      const half = Math.ceil(bytes.length / 2);
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(bytes.subarray(0, half));
          controller.enqueue(bytes.subarray(half));
          controller.close();
        },
      });
      return Promise.resolve(stream);
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

describe("a shard is refused before a byte of it is used when", () => {
  const { manifest, files } = cutInto(1 << 20);
  const [shard] = manifest.shards;
  const right = files.get("part-0.bin")!;

  async function expectRefused(served: Uint8Array<ArrayBuffer>, error: Error): Promise<void> {
    const source = createShardSource(manifest, fetchFrom(new Map([["part-0.bin", served]])));
    const yielded: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of source.read("model.embed_tokens.weight")) yielded.push(chunk);
    })();
    await expect(reading).rejects.toThrow(error);
    expect(yielded).toHaveLength(0);
  }

  it("one bit of it differs, far from the tensor that is read", async () => {
    const wrong = right.slice();
    wrong[wrong.length - 1]! ^= 1;
    const digest = createHash("sha256").update(wrong).digest("hex");
    const problem = `expected ${shard!.sha256}, got ${digest}`;
    await expectRefused(wrong, new CheckpointError("part-0.bin", "SHA-256", problem));
  });

  it("its last byte is missing", async () => {
    const problem = `part-0.bin: expected ${right.length} bytes, got ${right.length - 1}`;
    await expectRefused(right.slice(0, -1), new DownloadError(problem));
  });

  it("a byte follows its last", async () => {
    const problem = `part-0.bin: expected ${right.length} bytes, got more`;
    await expectRefused(new Uint8Array([...right, 0]), new DownloadError(problem));
  });

  it("the download breaks off; the next read fetches it again", async () => {
    let numFetches = 0;
    const source = createShardSource(manifest, () => {
      numFetches += 1;
      if (numFetches > 1) return Promise.resolve(new Blob([right]).stream());
      const broken = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(right.slice(0, 100)),
        pull: (controller) => controller.error(new TypeError("network error")),
      });
      return Promise.resolve(broken);
    });
    await expect(readAll(source.read("model.norm.weight"))).rejects.toMatchObject({
      name: "DownloadError",
      message: `part-0.bin: expected ${right.length} bytes, got 100 and an error`,
    });
    const { offset, sizeBytes } = manifest.tensors.find(({ name }) => name === "model.norm.weight")!;
    const bytes = await readAll(source.read("model.norm.weight"));
    expect(Buffer.compare(bytes, weights.subarray(offset, offset + sizeBytes))).toBe(0);
  });

  it("the reader gives up: the reason is the signal's", async () => {
    const abort = new AbortController();
    const source = createShardSource(manifest, (_name, signal) => {
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => signal!.addEventListener("abort", () => controller.error(signal!.reason)),
      });
      return Promise.resolve(stream);
    });
    const reading = readAll(source.read("model.norm.weight", abort.signal));
    abort.abort();
    await expect(reading).rejects.toBe(abort.signal.reason);
  });

  it("the reader gives up; another reader does not hear of it", async () => {
    const cut = cutInto(4096);
    const abort = new AbortController();
    let numStalled = 0;
    // The first shard comes; the next one comes only to a reader that does not give up.
    const source = createShardSource(cut.manifest, (name, signal) => {
      if (signal !== abort.signal || name === "part-0.bin") {
        return Promise.resolve(new Blob([cut.files.get(name)!]).stream());
      }
      numStalled += 1;
      const stalled = new ReadableStream<Uint8Array>({
        start: (controller) => signal.addEventListener("abort", () => controller.error(signal.reason)),
      });
      return Promise.resolve(stalled);
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
    const source = createShardSource(manifest, fetchFrom(files));
    await readAll(source.read("model.embed_tokens.weight"));
    const reason = new Error("enough");
    await expect(readAll(source.read("model.embed_tokens.weight", AbortSignal.abort(reason)))).rejects.toBe(reason);
  });

  it("the tensor is none of the manifest's", async () => {
    const source = createShardSource(manifest, fetchFrom(files));
    await expect(readAll(source.read("model.extra"))).rejects.toThrow(RangeError);
  });
});
