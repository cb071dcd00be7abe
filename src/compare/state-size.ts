// What a text's state takes, by the config alone: lightning layers keep a state of fixed size, softmax layers keep keys and
// values of every token.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import type { LedgerTotal } from "../gpu/ledger.ts";
import { type KvFormat, keyBytesPerToken } from "../kernels/kv-format.ts";

export interface StateSize {
  /** Recurrent states, and the counts of tokens for the penalties. */
  readonly fixedBytes: number;
  /** Keys and values in all softmax layers. */
  readonly bytesPerToken: number;
}

/** What a sequence of a model uses, to the byte, after any number of tokens. */
export function stateSizeOf(config: ModelConfig, kvFormat: KvFormat): StateSize {
  const { layerTypes, numHeads, headDim, vocabSize } = config;
  const numLightning = layerTypes.filter((type) => type === "linear_attention").length;
  const recurrentBytes = 4 * numLightning * numHeads * headDim * headDim;
  return { fixedBytes: recurrentBytes + 4 * vocabSize, bytesPerToken: keyBytesPerToken(config, kvFormat) };
}

export function stateBytesAt({ fixedBytes, bytesPerToken }: StateSize, numTokens: number): number {
  return fixedBytes + bytesPerToken * numTokens;
}

/** Used bytes of one model, as its session's ledger has them. */
export interface UsedBytes {
  readonly weights: number;
  readonly recurrentState: number;
  readonly keys: number;
  /** Activations, tables, copies of states, what is being read back: the same however long the text. */
  readonly other: number;
}

export function usedBytesOf(totals: readonly LedgerTotal[]): UsedBytes {
  const of = (kind: LedgerTotal["kind"]) => totals.find((total) => total.kind === kind)?.usedBytes ?? 0;
  const [weights, recurrentState, keys] = [of("weights"), of("recurrent state"), of("KV cache")];
  const all = totals.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  return { weights, recurrentState, keys, other: all - weights - recurrentState - keys };
}
