// What a model attends to: a short text is read again with taps, and what the engine's numbers say is worked out in float64
// as src/reference/model.ts has it.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import { inverseFrequencies, rotate, route, slope } from "../reference/model.ts";
import { dot, softmax } from "../reference/vector.ts";
import type { Taps } from "../model/taps.ts";
import { type Contender, createPacedSequence } from "./contender.ts";
import type { InspectedLayer, InspectedModel, TokenWeights } from "./inspection-result.ts";

/** Every tapped tensor of every token comes back from the GPU. */
export const MAX_INSPECTED_TOKENS = 512;

export interface Inspection {
  readonly config: ModelConfig;
  readonly ids: readonly number[];
  /** By layer; lightning: (num_tokens, num_heads, 3, head_dim); softmax: queries, then keys, then values of each token,
   * before their rotation. */
  readonly qkv: readonly Float32Array[];
  /** By layer: (num_tokens, num_experts), logits. */
  readonly router: readonly Float32Array[];
}

/** RangeError for more than MAX_INSPECTED_TOKENS ids; undefined when the signal ended it. */
export async function inspect(
  contender: Contender,
  ids: readonly number[],
  signal?: AbortSignal,
): Promise<Inspection | undefined> {
  if (ids.length > MAX_INSPECTED_TOKENS) {
    throw new RangeError(`inspection: expected at most ${MAX_INSPECTED_TOKENS} tokens, got ${ids.length}`);
  }
  const { config } = contender.model;
  const sequence = await createPacedSequence(contender, ids.length);
  try {
    const taps = await sequence.prefill(ids, { output: "taps", signal });
    return taps && { config, ids, qkv: ofLayers(taps, "qkv", config), router: ofLayers(taps, "router", config) };
  } finally {
    sequence.destroy();
  }
}

function ofLayers(taps: Taps, name: string, { numLayers }: ModelConfig): Float32Array[] {
  return Array.from({ length: numLayers }, (_, layer) => taps.get(`${name}.${layer}`)!.values);
}

/** What the token at `token` takes from itself and each token before it, head by head: (num_heads, token + 1). In a softmax
 * layer the weights, which sum to 1; in a lightning layer q·k·exp(-slope·distance), which may be negative. */
export function attentionWeights(inspection: Inspection, layer: number, token: number): Float64Array {
  return inspection.config.layerTypes[layer] === "linear_attention"
    ? lightningWeights(inspection, layer, token)
    : softmaxWeights(inspection, layer, token);
}

function lightningWeights({ config, qkv }: Inspection, layer: number, token: number): Float64Array {
  const { numHeads, numLayers, headDim } = config;
  const values = qkv[layer]!;
  const rowAt = (at: number, head: number, part: number) => ((at * numHeads + head) * 3 + part) * headDim;
  const weights = new Float64Array(numHeads * (token + 1));
  for (let head = 0; head < numHeads; head++) {
    const slopeOfHead = slope(head, layer, numHeads, numLayers);
    for (let key = 0; key <= token; key++) {
      const product = dot(values, rowAt(token, head, 0), values, rowAt(key, head, 1), headDim);
      weights[head * (token + 1) + key] = product * Math.exp(-slopeOfHead * (token - key));
    }
  }
  return weights;
}

function softmaxWeights({ config, qkv }: Inspection, layer: number, token: number): Float64Array {
  const { numHeads, numKvHeads, headDim } = config;
  const values = qkv[layer]!;
  const rowLength = (numHeads + 2 * numKvHeads) * headDim;
  const frequencies = inverseFrequencies(config);
  const query = rotate(
    values.subarray(token * rowLength, token * rowLength + numHeads * headDim),
    token,
    numHeads,
    frequencies,
  );
  const keys = Array.from({ length: token + 1 }, (_, at) => {
    const start = at * rowLength + numHeads * headDim;
    return rotate(values.subarray(start, start + numKvHeads * headDim), at, numKvHeads, frequencies);
  });
  const weights = new Float64Array(numHeads * (token + 1));
  for (let head = 0; head < numHeads; head++) {
    const kvHead = Math.floor(head / (numHeads / numKvHeads));
    const scores = keys.map((key) => dot(query, head * headDim, key, kvHead * headDim, headDim) / Math.sqrt(headDim));
    weights.set(softmax(scores), head * (token + 1));
  }
  return weights;
}

/** Tokens after which a lightning head's state keeps half of what it held, head by head; undefined for a softmax layer,
 * which forgets nothing. */
export function halfLives({ layerTypes, numHeads, numLayers }: ModelConfig, layer: number): number[] | undefined {
  if (layerTypes[layer] !== "linear_attention") return undefined;
  return Array.from({ length: numHeads }, (_, head) => Math.LN2 / slope(head, layer, numHeads, numLayers));
}

/** How large a lightning layer's state is after each token, (num_heads, num_tokens): the root of the sum of its squares. */
export function stateNorms({ config, ids, qkv }: Inspection, layer: number): Float64Array {
  const { numHeads, numLayers, headDim } = config;
  const values = qkv[layer]!;
  const norms = new Float64Array(numHeads * ids.length);
  for (let head = 0; head < numHeads; head++) {
    const decay = Math.exp(-slope(head, layer, numHeads, numLayers));
    const state = new Float64Array(headDim * headDim);
    for (let token = 0; token < ids.length; token++) {
      const key = ((token * numHeads + head) * 3 + 1) * headDim;
      let squares = 0;
      for (let i = 0; i < headDim; i++) {
        for (let j = 0; j < headDim; j++) {
          const at = i * headDim + j;
          state[at] = decay * state[at]! + values[key + i]! * values[key + headDim + j]!;
          squares += state[at] ** 2;
        }
      }
      norms[head * ids.length + token] = Math.sqrt(squares);
    }
  }
  return norms;
}

export interface RouterChoices {
  /** (num_tokens, experts_per_token), the weightiest first. */
  readonly expertIds: Uint8Array;
  /** (num_experts): the share of all choices that each expert got. */
  readonly load: Float64Array;
}

/** Which experts each token took in a layer. */
export function routerChoices({ config, ids, router }: Inspection, layer: number): RouterChoices {
  const { numExperts, expertsPerToken } = config;
  const expertIds = new Uint8Array(ids.length * expertsPerToken);
  const load = new Float64Array(numExperts);
  for (let token = 0; token < ids.length; token++) {
    const logits = router[layer]!.subarray(token * numExperts, (token + 1) * numExperts);
    const chosen = route(logits, expertsPerToken).expertIds;
    expertIds.set(chosen, token * expertsPerToken);
    for (const expert of chosen) load[expert]! += 1 / expertIds.length;
  }
  return { expertIds, load };
}

/** All that does not depend on a chosen token. */
export function describeInspection(name: string, inspection: Inspection): InspectedModel {
  const { config } = inspection;
  return {
    name,
    numHeads: config.numHeads,
    expertsPerToken: config.expertsPerToken,
    layers: config.layerTypes.map((type, layer): InspectedLayer => {
      const { expertIds, load } = routerChoices(inspection, layer);
      const isLightning = type === "linear_attention";
      return {
        type,
        halfLives: halfLives(config, layer) ?? null,
        stateNorms: isLightning ? Float32Array.from(stateNorms(inspection, layer)) : null,
        expertIds,
        load: [...load],
      };
    }),
  };
}

export function weightsOfToken(inspection: Inspection, token: number): TokenWeights {
  const { layerTypes } = inspection.config;
  return { layers: layerTypes.map((_, layer) => Float32Array.from(attentionWeights(inspection, layer, token))) };
}
