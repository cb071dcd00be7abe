// The shipped model with keys and values in i8 at a context of 4,096 tokens, against the same with f32.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openModelFolder } from "../../scripts/node/files.ts";
import { readManifest } from "../../src/chat/chat-model.ts";
import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import type { KvFormat } from "../../src/kernels/kv-format.ts";
import { Model } from "../../src/model/model.ts";
import { divergences, mean } from "../gpu/divergence.ts";
import { useSession } from "../gpu/harness.ts";
import { tokenizer } from "../text/fixtures.ts";

const session = useSession();
const FOLDER = new URL("../../public/models/relampago-71m/", import.meta.url);
const NUM_TOKENS = 4096;
const CHUNK = 256;

it("over 4,096 tokens keys in i8 give the next token's distribution that f32 gives, to 1e-3 nats in the mean", async () => {
  const files = openModelFolder(fileURLToPath(FOLDER));
  const manifest = await readManifest(files);
  const createSequence = async (kvFormat: KvFormat) => {
    const model = await Model.load(session(), createShardSource(manifest, files), { kvFormat });
    return model.createSequence(NUM_TOKENS);
  };
  const [exact, quantised] = [await createSequence("f32"), await createSequence("i8")];
  const texts = ["README.md", "docs/performance.md", "docs/reliability.md", "docs/format.md"].map((path) =>
    readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"),
  );
  const ids = tokenizer.encode(texts.join("\n")).slice(0, NUM_TOKENS);
  expect(ids.length).toBe(NUM_TOKENS);
  const all: number[] = [];
  for (let start = 0; start < NUM_TOKENS; start += CHUNK) {
    const chunk = ids.slice(start, start + CHUNK);
    const [logits, others] = [
      (await exact.prefill(chunk, { output: "taps" }))!.get("logits")!.values,
      (await quantised.prefill(chunk, { output: "taps" }))!.get("logits")!.values,
    ];
    all.push(...divergences(logits, others, manifest.config.vocabSize));
  }
  const last = all.slice(-CHUNK);
  console.log(
    `mean KL of ${NUM_TOKENS} tokens: ${mean(all).toExponential(1)} nats, of the last ${CHUNK}: ` +
      `${mean(last).toExponential(1)}, largest: ${Math.max(...all).toExponential(1)}`,
  );
  expect(mean(all)).toBeGreaterThan(0);
  // 8.0e-4 on SwiftShader. Stretches differ: the last chunk, beyond the trained length of 2,048, had 1.6e-3, one token 0.28.
  expect(mean(all)).toBeLessThan(1e-3);
});
