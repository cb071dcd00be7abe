// How a token is chosen from logits, in float64: logit biases, then penalties, temperature, top-k, top-p, min-p in
// Transformers' order, each filter renormalising over what is kept, then one draw. `shaders/sample.wgsl` computes the same.

import type { Sampling } from "../kernels/call.ts";
import { uniformDraw } from "./philox.ts";
import { softmax, type Numbers } from "./vector.ts";

/** Which tokens stand in the text, (vocab_size) each. */
export interface SeenTokens {
  /** 1 for those that stand in the prompt: all that was read before the answer, earlier answers too. */
  readonly inPrompt: Numbers;
  /** How often each was drawn since. */
  readonly numDrawn: Numbers;
}

/** The token that will stand at `position`: the most likely one at temperature 0 (the lower id of equals), else a draw. */
export function sample(logits: Numbers, seen: SeenTokens, sampling: Sampling, position: number): number {
  const penalised = penalise(addLogitBias(logits, sampling), seen, sampling);
  if (sampling.temperature === 0) return argmax(penalised);
  return draw(distribution(penalised, sampling), uniformDraw(sampling.seed, position));
}

/** Logits after the biases, which come first: vLLM, vllm/v1/sample/sampler.py. */
export function addLogitBias(logits: Numbers, { logitBias }: Sampling): Float64Array {
  const biased = Float64Array.from(logits);
  for (const { tokenId, bias } of logitBias) biased[tokenId] += bias;
  return biased;
}

/** Logits after the penalties: repetition shrinks a logit whatever its sign (Keskar et al., arXiv:1909.05858) if the token
 * stands anywhere in the text; if it stands in the answer, frequency subtracts per count and presence once (OpenAI's API;
 * vLLM, vllm/model_executor/layers/utils.py, apply_penalties). */
export function penalise(logits: Numbers, { inPrompt, numDrawn }: SeenTokens, sampling: Sampling): Float64Array {
  const { repetitionPenalty, frequencyPenalty, presencePenalty } = sampling;
  return Float64Array.from(logits, (logit, id) => {
    if (inPrompt[id] === 0 && numDrawn[id] === 0) return logit;
    const repeated = logit < 0 ? logit * repetitionPenalty : logit / repetitionPenalty;
    return numDrawn[id] === 0 ? repeated : repeated - frequencyPenalty * numDrawn[id] - presencePenalty;
  });
}

/** The probability of each token after temperature and filters: 0 for dropped tokens, the others sum to 1. */
export function distribution(logits: Numbers, { temperature, topK, topP, minP }: Sampling): Float64Array {
  const scores = Float64Array.from(logits, (logit) => logit / temperature);
  let kept: Float64Array = scores.slice().sort().reverse();
  if (topK > 0) kept = keepTopK(kept, topK);
  if (topP < 1) kept = keepTopP(kept, topP);
  if (minP > 0) kept = keepMinP(kept, minP);
  const smallest = kept[kept.length - 1];
  return softmax(scores.map((score) => (score >= smallest ? score : -Infinity)));
}

// The filters take and give scores in descending order. Equal scores are kept or dropped together.

/** Scores that are at least the k-th largest. */
function keepTopK(descending: Float64Array, topK: number): Float64Array {
  const smallest = descending[Math.min(topK, descending.length) - 1];
  return descending.filter((score) => score >= smallest);
}

/** Scores for which the probability of those strictly above is under topP; the largest always. */
function keepTopP(descending: Float64Array, topP: number): Float64Array {
  const probabilities = softmax(descending);
  let smallest = descending[0];
  let above = 0;
  for (const [i, score] of descending.entries()) {
    if (score < smallest) {
      if (above >= topP) break;
      smallest = score;
    }
    above += probabilities[i];
  }
  return descending.filter((score) => score >= smallest);
}

/** Scores whose probability is at least minP times the largest. */
function keepMinP(descending: Float64Array, minP: number): Float64Array {
  const probabilities = softmax(descending);
  return descending.filter((_, i) => probabilities[i] >= minP * probabilities[0]);
}

/** The token whose share of [0, 1) holds u, shares standing side by side in the order of ids. */
export function draw(probabilities: Numbers, u: number): number {
  let below = 0;
  let last = 0;
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id] === 0) continue;
    below += probabilities[id];
    last = id;
    if (u < below) break;
  }
  return last;
}

/** The lowest id among the largest logits. */
export function argmax(logits: Numbers): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}
