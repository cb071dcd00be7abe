// Weights, states and routes of small models against the float64 reference: weights must give its attention outputs.

import { beforeAll, describe, expect, it } from "vitest";
import {
  attentionWeights,
  halfLives,
  inspect,
  type Inspection,
  MAX_INSPECTED_TOKENS,
  routerChoices,
  stateNorms,
} from "../../src/compare/inspection.ts";
import type { Contender } from "../../src/compare/contender.ts";
import { createReferenceState, type ReferenceState, referenceForward, route } from "../../src/reference/model.ts";
import { readReferenceWeights, type ReferenceWeights } from "../../src/reference/weights.ts";
import { relativeError, useSession } from "../gpu/harness.ts";
import { configOf, createContender, makeIds, sourceOf } from "./made-up-contender.ts";

const session = useSession();
/** More than a block of 32. */
const IDS = makeIds(45);
const CONFIG = configOf("hybrid");
const { numHeads, numKvHeads, headDim, numExperts, expertsPerToken, layerTypes } = CONFIG;
const LAYERS = layerTypes.map((type, layer) => ({ type, layer }));
const LIGHTNING_LAYERS = LAYERS.filter(({ type }) => type === "linear_attention").map(({ layer }) => layer);
/** Of an f32 engine to the float64 reference, through three layers. */
const TOLERANCE = 1e-4;

let contender: Contender;
let weights: ReferenceWeights;
let inspection: Inspection;
const taps = new Map<string, Float64Array>();

function readReference(length: number): ReferenceState {
  const state = createReferenceState(CONFIG);
  referenceForward(weights, state, IDS.slice(0, length), { onTap: (name, values) => taps.set(name, values) });
  return state;
}

/** (head_dim): what a head's weights take from the values. */
function mix(layer: number, token: number, head: number): Float64Array {
  const given = attentionWeights(inspection, layer, token);
  const qkv = inspection.qkv[layer]!;
  const isLightning = layerTypes[layer] === "linear_attention";
  const kvHead = Math.floor((head * numKvHeads) / numHeads);
  const mixed = new Float64Array(headDim);
  for (let key = 0; key <= token; key++) {
    const start = isLightning
      ? ((key * numHeads + head) * 3 + 2) * headDim
      : (key * (numHeads + 2 * numKvHeads) + numHeads + numKvHeads + kvHead) * headDim;
    for (let i = 0; i < headDim; i++) mixed[i]! += given[head * (token + 1) + key]! * qkv[start + i]!;
  }
  return mixed;
}

beforeAll(async () => {
  contender = await createContender(session(), "hybrid", { blockSize: 32 });
  inspection = (await inspect(contender, IDS))!;
  weights = await readReferenceWeights(sourceOf("hybrid"));
  readReference(IDS.length);
});

describe("attention weights", () => {
  it.each(LAYERS)("of layer $layer, $type, give the reference's output at every token", ({ layer }) => {
    const expected = taps.get(`o.${layer}`)!;
    for (const token of [0, 1, 31, 32, IDS.length - 1]) {
      const row = expected.subarray(token * numHeads * headDim, (token + 1) * numHeads * headDim);
      const got = Array.from({ length: numHeads }, (_, head) => [...mix(layer, token, head)]).flat();
      expect(relativeError(got, row), `token ${token}`).toBeLessThan(TOLERANCE);
    }
  });

  it("of a softmax layer sum to 1, head by head", () => {
    const layer = layerTypes.indexOf("full_attention");
    const given = attentionWeights(inspection, layer, 40);
    for (let head = 0; head < numHeads; head++) {
      const sum = given.subarray(head * 41, (head + 1) * 41).reduce((total, weight) => total + weight, 0);
      expect(sum).toBeCloseTo(1, 12);
    }
  });
});

describe("lightning layers", () => {
  it.each(LIGHTNING_LAYERS)("layer %i: the state's norm is that of the reference's state", (layer) => {
    const norms = stateNorms(inspection, layer);
    for (const length of [1, 33, IDS.length]) {
      const { recurrentState } = readReference(length).layers[layer]!;
      for (let head = 0; head < numHeads; head++) {
        const state = recurrentState.subarray(head * headDim ** 2, (head + 1) * headDim ** 2);
        const norm = Math.sqrt(state.reduce((sum, value) => sum + value ** 2, 0));
        expect(norms[head * IDS.length + length - 1]! / norm).toBeCloseTo(1, 4);
      }
    }
  });

  it("keep half of their state after a half-life, and softmax layers all of it", () => {
    for (const { type, layer } of LAYERS) {
      const lives = halfLives(CONFIG, layer);
      if (type === "full_attention") expect(lives).toBe(undefined);
      else expect(lives).toHaveLength(numHeads);
    }
    // By the paper's formula, head 0 of 2 and layer 0 of 3: slope = 2^-4 (1 + 1e-5).
    expect(halfLives(CONFIG, 0)![0]).toBeCloseTo(Math.LN2 * 16, 3);
    expect(halfLives(CONFIG, 0)![1]).toBeCloseTo(Math.LN2 * 256, 1);
  });
});

it("the router's choices are the reference's, and the load is their share", () => {
  readReference(IDS.length);
  for (const { layer } of LAYERS) {
    const logits = taps.get(`router.${layer}`)!;
    const { expertIds, load } = routerChoices(inspection, layer);
    const expected = IDS.flatMap((_, token) => {
      return route(logits.subarray(token * numExperts, (token + 1) * numExperts), expertsPerToken).expertIds;
    });
    expect([...expertIds]).toEqual(expected);
    for (const [expert, share] of load.entries()) {
      expect(share).toBeCloseTo(expected.filter((id) => id === expert).length / expected.length, 12);
    }
  }
});

it("too long a text is refused, and nothing is left behind", async () => {
  const { ledger } = contender.model.session;
  const before = ledger.allocatedBytes;
  await inspect(contender, IDS.slice(0, 5));
  expect(ledger.allocatedBytes).toBe(before);
  await expect(inspect(contender, makeIds(MAX_INSPECTED_TOKENS + 1))).rejects.toThrow(
    "inspection: expected at most 512 tokens, got 513",
  );
});
