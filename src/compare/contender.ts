// One of the models that are compared: alone in its session, so that the session's ledger is its own.

import type { ModelConfig } from "../checkpoint/model-config.ts";
import type { LedgerTotal } from "../gpu/ledger.ts";
import { keyBytesPerToken, type KvFormat } from "../kernels/kv-format.ts";
import type { Model } from "../model/model.ts";
import type { Sequence } from "../model/sequence.ts";
import type { ChatTemplate } from "../text/chat-template.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { StateSize, UsedBytes } from "./state-size.ts";

export interface Contender {
  readonly name: string;
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly endTokenIds: readonly number[];
}

/** Steps of a run: the clock is read once a run, so that round trips weigh little, and equally for every model. */
export const RUN_STEPS = 16;

/** A sequence that decodes one run at a time: its times are its own, whoever else takes turns with it. */
export function createPacedSequence({ model }: Contender, reservedTokens: number): Promise<Sequence> {
  return model.createSequence(reservedTokens, { fixedPace: { depth: 1, steps: RUN_STEPS } });
}

/** What a sequence of a model uses, to the byte, after any number of tokens. */
export function stateSizeOf(config: ModelConfig, kvFormat: KvFormat): StateSize {
  const { layerTypes, numHeads, headDim, vocabSize } = config;
  const numLightning = layerTypes.filter((type) => type === "linear_attention").length;
  const recurrentBytes = 4 * numLightning * numHeads * headDim * headDim;
  return { fixedBytes: recurrentBytes + 4 * vocabSize, bytesPerToken: keyBytesPerToken(config, kvFormat) };
}

export function sizeOf({ model }: Contender): StateSize {
  return stateSizeOf(model.config, model.kvFormat);
}

export function usedBy({ model }: Contender): UsedBytes {
  return usedBytesOf(model.session.ledger.totals());
}

/** What its layers attend by, in order and in words: `7 lightning, 1 softmax`. */
export function describeAttention(layerTypes: readonly string[]): string {
  const numLightning = layerTypes.filter((type) => type === "linear_attention").length;
  const parts: readonly [number, string][] = [
    [numLightning, "lightning"],
    [layerTypes.length - numLightning, "softmax"],
  ];
  return parts.flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : [])).join(", ");
}

function usedBytesOf(totals: readonly LedgerTotal[]): UsedBytes {
  const of = (kind: LedgerTotal["kind"]) => totals.find((total) => total.kind === kind)?.usedBytes ?? 0;
  const [weights, recurrentState, keys] = [of("weights"), of("recurrent state"), of("KV cache")];
  const all = totals.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  return { weights, recurrentState, keys, other: all - weights - recurrentState - keys };
}
