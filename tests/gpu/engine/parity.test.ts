// The engine against Transformers' golden values, in f32: prompts read whole, in blocks and token by token.

import { afterAll, describe, expect, it } from "vitest";
import type { WeightSource } from "../../../src/checkpoint/weight-source.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import { compareTaps, describeDivergence } from "../../../src/reference/compare.ts";
import { createReferenceState, referenceForward } from "../../../src/reference/model.ts";
import { readReferenceWeights } from "../../../src/reference/weights.ts";
import { type Golden, readGolden } from "../../reference/golden.ts";
import { useSession } from "../harness.ts";

const session = useSession();

/** Every tensor, relative to its largest magnitude: f32 sums through 16 layers give 1e-6 or so; a wrong term gives 1e-2. */
const TOLERANCE = 2e-5;

/** Several blocks of 64 and a shorter one; the 600 tokens of a prompt are read whole. */
const MOST_IN_BLOCKS = 150;

const goldens = new Map<string, Promise<Golden>>();

function openGolden(name: string): Promise<Golden> {
  let golden = goldens.get(name);
  if (!golden) goldens.set(name, (golden = readGolden(name)));
  return golden;
}

/** Every golden tensor of a prompt and, to name the kernel, what the reference taps in between. */
function referenceTaps(golden: Golden, prompt: number): ReadonlyMap<string, Float32Array | Float64Array> {
  const { ids, tensors } = golden.prompts[prompt]!;
  const taps = new Map<string, Float32Array | Float64Array>();
  const state = createReferenceState(golden.weights.config);
  referenceForward(golden.weights, state, ids, { onTap: (name, values) => taps.set(name, values) });
  return new Map([...taps, ...tensors]);
}

const WHOLE = { how: "whole", blockSize: 600 };
const EVERY_WAY = [
  WHOLE,
  { how: "in blocks of 64", blockSize: 64 },
  { how: "in blocks of 7", blockSize: 7 },
  { how: "token by token through decode", blockSize: 1 },
];

describe.each([
  { name: "golden-tiny", ways: EVERY_WAY },
  // Its tensors are golden-tiny's: tests/checkpoint/hf-source.test.ts.
  { name: "golden-original", ways: [WHOLE] },
  { name: "golden-fused", ways: EVERY_WAY },
  { name: "golden-wide", ways: EVERY_WAY },
])("the engine on $name", ({ name, ways }) => {
  /** By prompt: the reference computes each once for all ways to read it. */
  const expected = new Map<number, ReadonlyMap<string, Float32Array | Float64Array>>();
  afterAll(() => expected.clear());

  it.each(ways)(
    "gives Transformers' hidden states, router logits and logits of prompts read $how",
    async ({ blockSize }) => {
      const golden = await openGolden(name);
      const model = await Model.load(session(), golden.source, { blockSize });
      const sequence = await model.createSequence(64);
      for (const [prompt, { ids: all }] of golden.prompts.entries()) {
        // 600 tokens through decode, and 86 blocks of 7, take a software adapter minutes and are like the shorter ones.
        if (all.length > 200 && blockSize < 64) continue;
        const ids = blockSize === WHOLE.blockSize ? all : all.subarray(0, MOST_IN_BLOCKS);
        if (!expected.has(prompt)) expected.set(prompt, referenceTaps(golden, prompt));
        const ofPrefix = [...expected.get(prompt)!].map(([tap, values]) => {
          return [tap, values.subarray(0, (values.length / all.length) * ids.length)] as const;
        });
        sequence.clear();
        const taps =
          blockSize === 1 ? await sequence.replayTaps([...ids]) : await sequence.prefill([...ids], { output: "taps" });
        const comparisons = compareTaps(taps!, new Map(ofPrefix));
        expect(comparisons.map((comparison) => comparison.name)).toContain("logits");
        expect(comparisons.length).toBeGreaterThan(2 * golden.weights.config.numLayers);
        expect(describeDivergence(comparisons, TOLERANCE), `prompt ${prompt}`).toBeUndefined();
        expect(sequence.position).toBe(ids.length);
      }
      sequence.destroy();
      model.destroy();
    },
  );

  it("writes Transformers' greedy text", async () => {
    const { source, greedy } = await openGolden(name);
    const model = await Model.load(session(), source, { blockSize: 64 });
    const sequence = await model.createSequence(64);
    const draw = { sampling: GREEDY, endTokenIds: [] };
    const ids = [...greedy.subarray(0, 12)];
    ids.push((await sequence.prefill(ids, { output: "last", ...draw }))!);
    for await (const token of sequence.generate(draw, greedy.length - ids.length)) ids.push(token);
    expect(ids).toEqual([...greedy]);
    sequence.destroy();
    model.destroy();
  });
});

/** The source with one tensor's bytes changed. */
function breakTensor(source: WeightSource, broken: string): WeightSource {
  return {
    ...source,
    async *read(name) {
      for await (const bytes of source.read(name)) {
        yield name === broken
          ? new Uint8Array(new Float32Array(bytes.slice().buffer).map((value) => 1.5 * value).buffer)
          : bytes;
      }
    },
  };
}

describe("a divergence", () => {
  it.each([
    {
      broken: "model.layers.3.self_attn.norm.weight",
      prefill: "layer 3 lightning_gate (gated.3)",
      decode: "layer 3 lightning_decode (middle.3)",
    },
    {
      broken: "model.layers.7.self_attn.v_proj.weight",
      prefill: "layer 7 attention_combine (o.7)",
      decode: "layer 7 attention_output_decode (middle.7)",
    },
    {
      broken: "model.layers.2.mlp.gate.weight",
      prefill: "layer 2 router (router.2)",
      decode: "layer 2 experts_decode (hidden.3)",
    },
  ])("is named by layer and kernel when $broken is wrong", async ({ broken, prefill, decode }) => {
    const { source, prompts } = await openGolden("golden-tiny");
    const ids = [...prompts[0]!.ids.subarray(0, 20)];
    const weights = await readReferenceWeights(source);
    const expected = new Map<string, Float64Array>();
    const logits = referenceForward(weights, createReferenceState(weights.config), ids, {
      onTap: (name, values) => expected.set(name, values),
    });
    expected.set("logits", logits);
    const model = await Model.load(session(), breakTensor(source, broken), { blockSize: 64 });
    const sequence = await model.createSequence(64);
    const blocks = compareTaps((await sequence.prefill(ids, { output: "taps" }))!, expected);
    expect(describeDivergence(blocks, TOLERANCE)).toContain(prefill);
    sequence.clear();
    expect(describeDivergence(compareTaps(await sequence.replayTaps(ids), expected), TOLERANCE)).toContain(decode);
    sequence.destroy();
    model.destroy();
  });
});
