// Conversations of the made-up model with the shipped tokenizer: what the tests of this folder share.

import { afterEach, beforeAll } from "vitest";
import { Conversation, type ConversationParts } from "../../src/chat/conversation.ts";
import type { SendOptions, TurnEnd } from "../../src/chat/turn.ts";
import { GREEDY } from "../../src/kernels/call.ts";
import type { DecodePace } from "../../src/model/decode-pipeline.ts";
import { Model } from "../../src/model/model.ts";
import type { Sequence } from "../../src/model/sequence.ts";
import { ChatTemplate } from "../../src/text/chat-template.ts";
import { useSession } from "../gpu/harness.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../gpu/made-up-model.ts";
import { tokenizer, tokenizerConfigJson } from "../text/fixtures.ts";

export const END_ID = 2;
export const BLOCK_SIZE = 16;
export const DRAW = { sampling: GREEDY, endTokenIds: [END_ID] };
const template = ChatTemplate.parse(tokenizerConfigJson, tokenizer);

const weights = createMadeUpWeights(MADE_UP_CONFIG, 1);

/** Has the made-up model draw one token in another's place. */
export interface Swap {
  readonly draws: number;
  readonly insteadOf: number;
}

/** The made-up model, loaded before the file's tests, or another with two tokens swapped. */
export function useModel(): (swap?: Swap) => Promise<Model> {
  const session = useSession();
  const load = (values: ReadonlyMap<string, Float32Array>): Promise<Model> =>
    Model.load(session(), createMadeUpSource(MADE_UP_CONFIG, values), { blockSize: BLOCK_SIZE });
  let model: Model;
  beforeAll(async () => {
    model = await load(weights);
  });
  return async (swap) => {
    if (!swap) return model;
    return load(new Map(weights).set("lm_head.weight", swapHeadRows(swap.draws, swap.insteadOf)));
  };
}

function swapHeadRows(first: number, second: number): Float32Array {
  const { hiddenSize } = MADE_UP_CONFIG;
  const head = weights.get("lm_head.weight")!;
  const row = (index: number) => head.slice(index * hiddenSize, (index + 1) * hiddenSize);
  const swapped = head.slice();
  swapped.set(row(first), second * hiddenSize);
  swapped.set(row(second), first * hiddenSize);
  return swapped;
}

export interface Chat {
  readonly conversation: Conversation;
  readonly sequence: Sequence;
}

const opened: { destroy(): void }[] = [];

afterEach(() => {
  for (const owner of opened.splice(0)) owner.destroy();
});

/** A sequence that is destroyed after the test. */
export async function createSequence(model: Model, fixedPace?: DecodePace): Promise<Sequence> {
  const sequence = await model.createSequence(512, { fixedPace });
  opened.push(sequence);
  return sequence;
}

/** A conversation over a sequence of its own. */
export async function createChat(
  model: Model,
  options: Partial<ConversationParts> = {},
  fixedPace?: DecodePace,
): Promise<Chat> {
  const sequence = await createSequence(model, fixedPace);
  const parts = { sequence, tokenizer, template, endTokenIds: [END_ID], contextLength: 512 };
  const conversation = new Conversation({ ...parts, ...options });
  conversation.clear("");
  opened.push(conversation);
  return { conversation, sequence };
}

export interface Said extends TurnEnd {
  readonly text: string;
  /** Tokens up to the last text. */
  readonly shownTokens: number;
}

/** Sends a message, greedily unless told otherwise; `onChunk` is called after each text. */
export async function say(
  { conversation }: Chat,
  message: string,
  options: Partial<SendOptions>,
  onChunk?: (generatedTokens: number) => void,
): Promise<Said> {
  const chunks = conversation.send(message, { sampling: GREEDY, maxTokens: 8, ...options });
  let text = "";
  let shownTokens = 0;
  let next = await chunks.next();
  for (; !next.done; next = await chunks.next()) {
    text += next.value.text;
    shownTokens = next.value.generatedTokens;
    onChunk?.(shownTokens);
  }
  return { ...next.value, tokenIds: [...next.value.tokenIds], text, shownTokens };
}

/** Everything that a sequence's state tells: its log, the pending token, and what it computes from one token more. */
export async function readState(sequence: Sequence): Promise<object> {
  const { log, pendingToken } = sequence;
  const told = { tokenIds: [...log.tokenIds], blockLengths: [...log.blockLengths], pendingToken };
  const snapshot = sequence.snapshot();
  const taps = await sequence.replayTaps([pendingToken ?? END_ID]);
  sequence.restore(snapshot);
  snapshot.destroy();
  return { ...told, logits: taps.get("logits")!.values };
}
