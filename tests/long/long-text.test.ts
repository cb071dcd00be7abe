// Long texts: exact to the reference, and flat in memory.

import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openModelFolder } from "../../scripts/node/files.ts";
import { readManifest } from "../../src/chat/chat-model.ts";
import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import { Model } from "../../src/model/model.ts";
import { createTinySource, heapGrowth, readWithRestore, soak } from "../gpu/engine/long-text.ts";
import { useSession } from "../gpu/harness.ts";

const session = useSession();
const FOLDER = fileURLToPath(new URL("../../public/models/relampago-71m/", import.meta.url));

it("20,000 tokens, read with a restore in the middle, give the reference's logits", async () => {
  const error = await readWithRestore(session(), 20_000);
  console.log(`largest error of a logit over 20,000 tokens: ${error.toExponential(1)}`);
  expect(error).toBeLessThan(1e-5);
});

it("over 60,000 tokens nothing grows but keys, by exactly what a token takes", async () => {
  const model = await Model.load(session(), createTinySource(), { blockSize: 128 });
  const result = await soak(model, 60_000);
  console.log("60,000 tokens:", result, `heap growth ${(100 * heapGrowth(result)).toFixed(1)} %`);
  expect(result.bytesPerToken).toBe(2 * 16 * 4);
  expect(heapGrowth(result)).toBeLessThan(0.1);
  model.destroy();
});

it("over 8,000 tokens of the shipped model nothing grows but keys, by exactly what a token takes", async () => {
  const files = openModelFolder(FOLDER);
  const model = await Model.load(session(), createShardSource(await readManifest(files), files), { kvFormat: "f16" });
  const result = await soak(model, 8000);
  console.log("8,000 tokens of the shipped model:", result, `heap growth ${(100 * heapGrowth(result)).toFixed(1)} %`);
  // Two softmax layers with two KV heads of 64 in f16: key and value.
  expect(result.bytesPerToken).toBe(2 * 2 * 2 * 64 * 2);
  expect(heapGrowth(result)).toBeLessThan(0.1);
  model.destroy();
});
