// Every variant of the kernels that the adapter offers, one by one: those in f32 hold the tolerance of the plain path; those
// with fewer bits hardly change the shipped model's distribution of the next token.

import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openModelFolder } from "../../../scripts/node/files.ts";
import { openGpu } from "../../../scripts/node/gpu.ts";
import { readShaders } from "../../../scripts/node/shaders.ts";
import { readManifest } from "../../../src/chat/chat-model.ts";
import { createShardSource } from "../../../src/checkpoint/shard-source.ts";
import {
  chooseFeatures,
  type Feature,
  type FeatureChoice,
  FEATURES,
  offeredFeatures,
} from "../../../src/gpu/features.ts";
import { GpuSession } from "../../../src/gpu/session.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import { compareTaps, describeDivergence } from "../../../src/reference/compare.ts";
import { createReferenceState, referenceForward } from "../../../src/reference/model.ts";
import { readGolden, readGoldenTensors } from "../../reference/golden.ts";
import { openSharedGpu } from "../shared-gpu.ts";

/** As in parity.test.ts. */
const TOLERANCE = 2e-5;
/** Nats, the mean over a prompt's tokens. */
const LARGEST_DIVERGENCE = 1e-3;
/** Where the two best logits are nearer than this, fewer bits may decide otherwise. */
const SMALLEST_GAP = 0.05;
const NUM_GREEDY = 16;
const MODEL_FOLDER = fileURLToPath(new URL("../../../public/models/relampago-71m/", import.meta.url));

/** Features whose kernels round differently on purpose. */
const FEWER_BITS: readonly Feature[] = ["f16", "subgroup-matrix"];

async function findOffered(): Promise<Feature[]> {
  const { gpu } = await openGpu();
  const adapter = (await gpu.requestAdapter({ powerPreference: "high-performance" }))!;
  return FEATURES.filter((feature) => {
    try {
      return chooseFeatures([feature], offeredFeatures(adapter)).size > 0;
    } catch {
      return false;
    }
  });
}

async function withSession<T>(features: FeatureChoice, use: (session: GpuSession) => Promise<T>): Promise<T> {
  const session = await GpuSession.open(await openSharedGpu(), { shaders: readShaders(), features });
  const errors: string[] = [];
  session.device.onuncapturederror = (event) => errors.push(event.error.message);
  try {
    return await use(session);
  } finally {
    session.close();
    expect(errors).toEqual([]);
  }
}

const offered = await findOffered();
const exact = [["none", "none"] as const, ...offered.map((name) => [name, [name]] as const)].filter(
  ([name]) => !FEWER_BITS.includes(name as Feature),
);

describe.each(exact)("features %s", (_, features) => {
  it.each(["golden-tiny", "golden-fused", "golden-wide"])("equal the reference on %s", async (name) => {
    const { weights, source, prompts } = await readGolden(name);
    const ids = [...prompts[0]!.ids.subarray(0, 20)];
    const expected = new Map<string, Float64Array>();
    const logits = referenceForward(weights, createReferenceState(weights.config), ids, {
      onTap: (tap, values) => expected.set(tap, values),
    });
    expected.set("logits", logits);
    await withSession(features, async (session) => {
      const model = await Model.load(session, source, { blockSize: 7 });
      const sequence = await model.createSequence(32);
      const blocks = (await sequence.prefill(ids, { output: "taps" }))!;
      expect(describeDivergence(compareTaps(blocks, expected), TOLERANCE), "in blocks").toBeUndefined();
      sequence.clear();
      const decoded = await sequence.replayTaps(ids);
      expect(describeDivergence(compareTaps(decoded, expected), TOLERANCE), "by decode").toBeUndefined();
    });
  });
});

/** Logits of each prompt's tokens, (num_tokens, vocab_size), and the greedy text after it. */
function runModel(features: FeatureChoice, prompts: readonly (readonly number[])[]) {
  return withSession(features, async (session) => {
    const files = openModelFolder(MODEL_FOLDER);
    const model = await Model.load(session, createShardSource(await readManifest(files), files));
    const sequence = await model.createSequence(256);
    const results: { logits: Float32Array; text: number[] }[] = [];
    const draw = { sampling: GREEDY, endTokenIds: [] };
    for (const ids of prompts) {
      sequence.clear();
      const { values: logits } = (await sequence.prefill(ids, { output: "taps" }))!.get("logits")!;
      sequence.clear();
      const text = [(await sequence.prefill(ids, { output: "last", ...draw }))!];
      for await (const id of sequence.generate(draw, NUM_GREEDY - 1)) text.push(id);
      results.push({ logits, text });
    }
    return results;
  });
}

/** Mean over rows of KL(softmax(p) ‖ softmax(q)) in nats. */
function meanDivergence(p: Float32Array, q: Float32Array, vocabSize: number): number {
  const numRows = p.length / vocabSize;
  let sum = 0;
  for (let row = 0; row < numRows; row++) {
    const [logP, logQ] = [p, q].map((all) => logSoftmax(all.subarray(row * vocabSize, (row + 1) * vocabSize)));
    for (let id = 0; id < vocabSize; id++) sum += Math.exp(logP![id]!) * (logP![id]! - logQ![id]!);
  }
  return sum / numRows;
}

function logSoftmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const logTotal = Math.log(logits.reduce((total, logit) => total + Math.exp(logit - largest), 0));
  return Float64Array.from(logits, (logit) => logit - largest - logTotal);
}

const fewerBits = offered.filter((name) => FEWER_BITS.includes(name));

describe.each(fewerBits)("relampago-71m with %s", (feature) => {
  it("keeps the next token's distribution, and the greedy text where it is clear", { timeout: 600_000 }, async () => {
    const golden = await readGoldenTensors("relampago-71m");
    const names = ["hello", "story", "document"];
    const prompts = names.map((name) => [...golden.get(`q4.${name}.ids`)!]);
    const plain = await runModel("none", prompts);
    const variant = await runModel([feature], prompts);
    for (const [index, name] of names.entries()) {
      const vocabSize = plain[index]!.logits.length / prompts[index]!.length;
      const divergence = meanDivergence(plain[index]!.logits, variant[index]!.logits, vocabSize);
      expect(divergence, name).toBeLessThan(LARGEST_DIVERGENCE);
      const firstClose = golden.get(`q4.${name}.gap`)!.findIndex((gap) => gap < SMALLEST_GAP);
      const numClear = Math.min(NUM_GREEDY, firstClose < 0 ? Infinity : firstClose);
      expect(variant[index]!.text.slice(0, numClear), name).toEqual(plain[index]!.text.slice(0, numClear));
    }
  });
});
