// The whole model as float64 scalar arithmetic: read this first. Everything else in the project computes these same
// numbers, faster. Arrays are flat and row-major; a comment gives each one's shape. The paper is arXiv:2501.08313.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import { lightningBlock } from "./lightning-block.ts";
import { addScaled, addScaledRow, dot, embed, linear, rmsNorm, sigmoid, silu, softmax } from "./vector.ts";
import type { Numbers, Weight } from "./vector.ts";
import type { FullAttentionWeights, LightningAttentionWeights, ReferenceWeights } from "./weights.ts";

/** What one layer remembers of the tokens before. */
export interface LayerState {
  /** Lightning layer: (num_heads, head_dim, head_dim). Softmax layer: empty. */
  readonly recurrentState: Float64Array;
  /** Softmax layer: (position, num_kv_heads, head_dim), growing. Lightning layer: empty. */
  readonly keyCache: number[];
  readonly valueCache: number[];
}

/** What the model remembers: its layers' states and how many tokens were read. */
export interface ReferenceState {
  position: number;
  readonly layers: readonly LayerState[];
}

export interface KeyWindow {
  readonly first: number;
  readonly last: number;
}

export interface ReferenceOptions {
  /** Tokens per block of the lightning layers' block form; absent, they go token by token. */
  readonly blockSize?: number;
  /** Softmax layers see the text's first keys, and of those up to the query's own the last; all when absent. */
  readonly keyWindow?: KeyWindow | undefined;
  /** Receives `hidden.L` (num_tokens, hidden_size), the input of layer L, and after the final norm `hidden.<numLayers>`;
   * in each layer, in this order, `x.L`, `qkv.L` and `gated.L` (lightning only), `o.L`, `middle.L`, `y.L`, and `router.L`
   * (num_tokens, num_experts). */
  readonly onTap?: (name: string, values: Float64Array) => void;
}

/** Tells what a layer computed. */
type Tap = (name: string, values: Float64Array) => void;

/** The state before the first token. */
export function createReferenceState(config: ModelConfig): ReferenceState {
  const layers = config.layerTypes.map((type) => ({
    recurrentState: new Float64Array(type === "linear_attention" ? config.numHeads * config.headDim ** 2 : 0),
    keyCache: [],
    valueCache: [],
  }));
  return { position: 0, layers };
}

/** Reads `ids` after what `state` holds, advances the state, and gives logits (num_tokens, vocab_size). */
export function referenceForward(
  weights: ReferenceWeights,
  state: ReferenceState,
  ids: Numbers,
  { blockSize, keyWindow, onTap }: ReferenceOptions = {},
): Float64Array {
  const { config } = weights;
  let h = embed(ids, weights.embedTokens, config.hiddenSize);
  for (const [layer, layerWeights] of weights.layers.entries()) {
    const { attention } = layerWeights;
    const tap: Tap = (name, values) => onTap?.(`${name}.${layer}`, values);
    tap("hidden", h);

    // The residual is the normed input (post-norm), scaled by alpha as in DeepNorm.
    const x = rmsNorm(h, layerWeights.inputLayernorm, config.rmsNormEps);
    tap("x", x);
    if (attention.type === "linear_attention") {
      const a = lightningAttention(x, attention, state.layers[layer], layer, config, tap, blockSize);
      h = addScaled(config.linearAttentionAlpha, x, config.linearAttentionBeta, a);
    } else {
      const a = fullAttention(x, attention, state.layers[layer], state.position, config, tap, keyWindow);
      h = addScaled(config.fullAttentionAlpha, x, config.fullAttentionBeta, a);
    }
    tap("middle", h);

    const y = rmsNorm(h, layerWeights.postAttentionLayernorm, config.rmsNormEps);
    tap("y", y);
    const routerLogits = linear(y, layerWeights.router, config.numExperts);
    tap("router", routerLogits);
    const m = moe(y, routerLogits, layerWeights.gateUpProj, layerWeights.downProj, config);
    h = addScaled(config.mlpAlpha, y, config.mlpBeta, m);
  }
  state.position += ids.length;
  h = rmsNorm(h, weights.norm, config.rmsNormEps);
  onTap?.(`hidden.${config.numLayers}`, h);
  return linear(h, weights.lmHead, config.vocabSize);
}

/** Lightning attention with its output norm and gate: x (num_tokens, hidden_size) → the same shape. */
function lightningAttention(
  x: Float64Array,
  weights: LightningAttentionWeights,
  { recurrentState }: LayerState,
  layer: number,
  { numHeads, headDim, numLayers, hiddenSize }: ModelConfig,
  tap: Tap,
  blockSize: number | undefined,
): Float64Array {
  const width = numHeads * headDim;
  const slopes = Array.from({ length: numHeads }, (_, head) => slope(head, layer, numHeads, numLayers));
  const qkv = linear(x, weights.qkvProj, 3 * width).map(silu);
  tap("qkv", qkv);
  const o =
    blockSize === undefined
      ? lightningRecurrent(qkv, recurrentState, slopes, headDim)
      : lightningBlock(qkv, recurrentState, slopes, headDim, blockSize);
  tap("o", o);
  const gate = linear(x, weights.outputGate, width).map(sigmoid);
  const gated = rmsNorm(o, weights.norm, LIGHTNING_NORM_EPS).map((value, i) => value * gate[i]);
  tap("gated", gated);
  return linear(gated, weights.outProj, hiddenSize);
}

/** Epsilon of the norm over a lightning layer's output, whatever the config's rms_norm_eps. */
export const LIGHTNING_NORM_EPS = 1e-6;

/** How fast a head of a lightning layer forgets: its state decays by exp(-slope) per token. */
export function slope(head: number, layer: number, numHeads: number, numLayers: number): number {
  return 2 ** ((-8 * (head + 1)) / numHeads) * (1 - layer / (numLayers - 1 + 1e-5) + 1e-5);
}

/** S_t = exp(-slope) S_(t-1) + k_t^T v_t, o_t = q_t S_t. Advances `state` (num_heads, head_dim, head_dim) in place;
 * qkv (num_tokens, num_heads, 3, head_dim), slopes (num_heads) → o (num_tokens, num_heads, head_dim). */
export function lightningRecurrent(qkv: Numbers, state: Float64Array, slopes: Numbers, headDim: number): Float64Array {
  const numHeads = slopes.length;
  const o = new Float64Array(qkv.length / 3);
  for (let row = 0; row < o.length / headDim; row++) {
    const head = row % numHeads;
    const decay = Math.exp(-slopes[head]);
    const [q, k, v] = [0, 1, 2].map((part) => (row * 3 + part) * headDim);
    for (let i = 0; i < headDim; i++) {
      for (let j = 0; j < headDim; j++) {
        const at = (head * headDim + i) * headDim + j;
        state[at] = decay * state[at] + qkv[k + i] * qkv[v + j];
        o[row * headDim + j] += qkv[q + i] * state[at];
      }
    }
  }
  return o;
}

/** Softmax attention with its projections: x (num_tokens, hidden_size) → the same shape; appends to the caches. */
function fullAttention(
  x: Float64Array,
  weights: FullAttentionWeights,
  { keyCache, valueCache }: LayerState,
  position: number,
  config: ModelConfig,
  tap: Tap,
  keyWindow: KeyWindow | undefined,
): Float64Array {
  const { numHeads, numKvHeads, headDim, hiddenSize } = config;
  const frequencies = inverseFrequencies(config);
  const query = rotate(linear(x, weights.qProj, numHeads * headDim), position, numHeads, frequencies);
  const key = rotate(linear(x, weights.kProj, numKvHeads * headDim), position, numKvHeads, frequencies);
  const value = linear(x, weights.vProj, numKvHeads * headDim);
  for (const number of key) keyCache.push(number);
  for (const number of value) valueCache.push(number);
  const o = softmaxAttention(query, keyCache, valueCache, position, numHeads, numKvHeads, headDim, keyWindow);
  tap("o", o);
  return linear(o, weights.oProj, hiddenSize);
}

/** RoPE's angle per token of each channel pair (head_dim/2); pairs with frequency 0 do not rotate. */
export function inverseFrequencies(
  config: Pick<ModelConfig, "headDim" | "ropeTheta" | "rotaryFrequencies">,
): Float64Array {
  return Float64Array.from({ length: config.headDim / 2 }, (_, j) =>
    j < config.rotaryFrequencies ? config.ropeTheta ** ((-2 * j) / config.headDim) : 0,
  );
}

/** RoPE on x (num_tokens, num_heads, head_dim), whose first token stands at `position`: channel j turns with
 * j + head_dim/2 by position · frequencies[j]. */
export function rotate(x: Numbers, position: number, numHeads: number, frequencies: Numbers): Float64Array {
  const half = frequencies.length;
  const rotated = new Float64Array(x.length);
  for (let row = 0; row < x.length / (2 * half); row++) {
    const tokenPosition = position + Math.floor(row / numHeads);
    for (let j = 0; j < half; j++) {
      const first = row * 2 * half + j;
      const [cos, sin] = [Math.cos(tokenPosition * frequencies[j]), Math.sin(tokenPosition * frequencies[j])];
      rotated[first] = x[first] * cos - x[first + half] * sin;
      rotated[first + half] = x[first + half] * cos + x[first] * sin;
    }
  }
  return rotated;
}

/** Causal grouped-query attention: query (num_tokens, num_heads, head_dim), whose first token stands at `position`, over
 * keys and values (at least position + num_tokens, num_kv_heads, head_dim) → (num_tokens, num_heads, head_dim). With a key
 * window, a query sees the first keys and the last ones up to its own. */
export function softmaxAttention(
  query: Numbers,
  keyCache: Numbers,
  valueCache: Numbers,
  position: number,
  numHeads: number,
  numKvHeads: number,
  headDim: number,
  { first, last }: KeyWindow = { first: 0, last: Infinity },
): Float64Array {
  const o = new Float64Array(query.length);
  for (let row = 0; row < query.length / headDim; row++) {
    const numKeys = position + Math.floor(row / numHeads) + 1;
    const keys = Array.from({ length: numKeys }, (_, key) => key).filter((key) => key < first || key >= numKeys - last);
    const kvHead = Math.floor((row % numHeads) / (numHeads / numKvHeads));
    const cacheAt = (key: number) => (key * numKvHeads + kvHead) * headDim;
    const scores = keys.map((key) => dot(query, row * headDim, keyCache, cacheAt(key), headDim) / Math.sqrt(headDim));
    for (const [index, weight] of softmax(scores).entries()) {
      addScaledRow(o, row * headDim, weight, valueCache, cacheAt(keys[index]), headDim);
    }
  }
  return o;
}

/** The experts of one token: softmax over all logits (num_experts), the largest `expertsPerToken`, renormalised to sum 1.
 * Ties go to the lower index. */
export function route(logits: Numbers, expertsPerToken: number): { expertIds: number[]; expertWeights: number[] } {
  const probabilities = softmax(logits);
  const byProbability = Array.from(probabilities.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  const expertIds = byProbability.slice(0, expertsPerToken);
  const total = expertIds.reduce((sum, expert) => sum + probabilities[expert], 0);
  return { expertIds, expertWeights: expertIds.map((expert) => probabilities[expert] / total) };
}

/** Mixture of experts: x (num_tokens, hidden_size), router logits (num_tokens, num_experts), gate_up_proj (num_experts,
 * 2 · intermediate_size, hidden_size) with w1 before w3, down_proj = w2 (num_experts, hidden_size, intermediate_size). */
export function moe(
  x: Float64Array,
  routerLogits: Float64Array,
  gateUpProj: Weight,
  downProj: Weight,
  config: Pick<ModelConfig, "hiddenSize" | "intermediateSize" | "numExperts" | "expertsPerToken">,
): Float64Array {
  const { hiddenSize, intermediateSize, numExperts, expertsPerToken } = config;
  const expertSize = hiddenSize * intermediateSize;
  const out = new Float64Array(x.length);
  for (let token = 0; token < x.length / hiddenSize; token++) {
    const input = x.subarray(token * hiddenSize, (token + 1) * hiddenSize);
    const logits = routerLogits.subarray(token * numExperts, (token + 1) * numExperts);
    const { expertIds, expertWeights } = route(logits, expertsPerToken);
    for (const [index, expert] of expertIds.entries()) {
      const gateUp = gateUpProj.subarray(expert * 2 * expertSize, (expert + 1) * 2 * expertSize);
      const down = downProj.subarray(expert * expertSize, (expert + 1) * expertSize);
      const both = linear(input, gateUp, 2 * intermediateSize);
      const activated = both.subarray(0, intermediateSize).map((w1, i) => silu(w1) * both[intermediateSize + i]);
      addScaledRow(out, token * hiddenSize, expertWeights[index], linear(activated, down, hiddenSize), 0, hiddenSize);
    }
  }
  return out;
}
