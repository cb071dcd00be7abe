// Six ways to sample that the distribution tests share, and logits for them.

import { GREEDY, type Sampling } from "../../src/kernels/call.ts";

export const SETTINGS: Readonly<Record<string, Sampling>> = {
  "temperature alone": { ...GREEDY, temperature: 1, seed: 1 },
  "top-k with ties": { ...GREEDY, temperature: 0.8, topK: 12, seed: 2 },
  "top-p": { ...GREEDY, temperature: 1, topP: 0.9, seed: 3 },
  "min-p": { ...GREEDY, temperature: 1.5, minP: 0.1, seed: 4 },
  "top-k, top-p and min-p": { ...GREEDY, temperature: 0.7, topK: 40, topP: 0.95, minP: 0.02, seed: 5 },
  "a wide top-p": { ...GREEDY, temperature: 4, topP: 0.97, seed: 6 },
};

/** (vocab_size): a few likely tokens, a long tail, equals at every height. */
export function skewedLogits(vocabSize: number): Float32Array {
  return Float32Array.from({ length: vocabSize }, (_, id) => Math.round(8 * Math.sin(id * id) * Math.cos(id)) / 2);
}
