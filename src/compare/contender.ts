// One of the models that are compared: alone in its session, so that the session's ledger is its own.

import type { Model } from "../model/model.ts";
import type { Sequence } from "../model/sequence.ts";
import type { ChatTemplate } from "../text/chat-template.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type StateSize, stateSizeOf, type UsedBytes, usedBytesOf } from "./state-size.ts";

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
