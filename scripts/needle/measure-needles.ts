// The needle test itself: reads texts, asks for what is hidden in them.

import type { ChatModel } from "../../src/chat/chat-model.ts";
import { ask } from "../../src/document/ask.ts";
import { createChronicle } from "../../src/document/chronicle.ts";
import { DocumentPrompt } from "../../src/document/document-prompt.ts";
import { isRightAnswer } from "../../src/document/facts.ts";
import { GREEDY } from "../../src/kernels/call.ts";
import type { NeedleOptions } from "./needle-options.ts";
import type { NeedleAnswer, NeedleReading } from "./needle-result.ts";

export interface NeedleListener {
  onReading(reading: NeedleReading): void;
  onAnswer(answer: NeedleAnswer): void;
}

/** Tokens of the lead, the question and the template, which count toward the length. */
const FRAME_TOKENS = 40;

/** Lengths from the shortest, so that a run that ends early has something to show. */
export async function measureNeedles(chat: ChatModel, options: NeedleOptions, listener: NeedleListener): Promise<void> {
  const groups = options.alone ? options.depths.map((depth) => [depth]) : [options.depths];
  let seed = options.seed;
  for (const length of options.lengths) {
    for (let text = 0; text < options.texts; text++) {
      for (const depths of groups) await measureText(chat, length, depths, seed++, options.maxTokens, listener);
    }
  }
}

async function measureText(
  { model, tokenizer, template, endTokenIds }: ChatModel,
  length: number,
  depths: readonly number[],
  seed: number,
  maxTokens: number,
  listener: NeedleListener,
): Promise<void> {
  const chronicle = createChronicle(seed, length - FRAME_TOKENS, depths);
  const prompt = new DocumentPrompt(tokenizer, template);
  const ids: number[] = [];
  const steps = prompt.encodeDocument(chronicle.paragraphs());
  let step = await steps.next();
  for (; !step.done; step = await steps.next()) for (const id of step.value) ids.push(id);
  const held = step.value;
  const sequence = await model.createSequence(ids.length + 2 * FRAME_TOKENS + maxTokens);
  const startTime = performance.now();
  await sequence.prefill(ids, { output: "none" });
  listener.onReading({ length, numTokens: ids.length, ms: performance.now() - startTime });
  const snapshot = sequence.snapshot("after the text");
  for (const { depth, statement, question, answer: expected } of chronicle.facts) {
    sequence.restore(snapshot);
    const questionIds = prompt.encodeQuestion(held, question);
    const options = { sampling: GREEDY, maxTokens, endTokenIds };
    let said = "";
    for await (const { text } of ask(sequence, tokenizer, questionIds, options)) said += text;
    const promptTokens = ids.length + questionIds.length;
    const isRight = isRightAnswer(said, { answer: expected });
    listener.onAnswer({ length, depth, promptTokens, statement, question, expected, said, isRight });
  }
  snapshot.destroy();
  sequence.destroy();
}
