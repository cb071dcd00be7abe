// What is told of a document: what it is, what reading it takes, what stands where it is being read.

import type { ChatModel } from "../chat/chat-model.ts";
import { createChronicle, type HiddenFact } from "../document/chronicle.ts";
import { isRightAnswer } from "../document/facts.ts";
import { fittingTokens, growthPerToken, numActiveParameters, planMemory } from "../document/reading-plan.ts";
import type { TextSource } from "../document/text-source.ts";
import type { Gpu } from "./gpu-host.ts";
import type { DocumentOutline, DocumentVerdict } from "./messages-document.ts";
import type { OpenDocument } from "./open-document.ts";

/** Characters of the strip that shows what is being read, and tokens that are surely enough for them. */
const EXCERPT_CHARS = 240;
const EXCERPT_TOKENS = 96;

export function describeSource(source: TextSource): { readonly name: string; readonly facts: readonly HiddenFact[] } {
  if (source.kind !== "sample") return { name: source.name, facts: [] };
  const { title, facts } = createChronicle(source.seed, source.numTokens, source.depths);
  return { name: title, facts };
}

export function judge({ text }: OpenDocument, question: string, said: string): DocumentVerdict | null {
  const fact = text.facts.find((hidden) => hidden.question === question.trim());
  return fact ? { expected: fact.answer, isRight: isRightAnswer(said, fact) } : null;
}

export function growthOf({ model, numParameters }: ChatModel): number {
  return growthPerToken(model.config, numActiveParameters(model.config, numParameters));
}

export function outlineOf({ text, numTokens }: OpenDocument, { session }: Gpu, { model }: ChatModel): DocumentOutline {
  const memory = planMemory(model.config, model.kvFormat);
  const { ledger } = session;
  const fitting = fittingTokens(
    memory,
    Math.min(session.memory.budgetBytes, ASSUMED_MEMORY_BYTES) - ledger.allocatedBytes,
    null,
  );
  return {
    name: text.name,
    numTokens,
    numChars: text.numChars,
    facts: text.facts.map(({ question, answer, depth }) => ({ question, answer, depth })),
    ...memory,
    weightBytes: ledger.totals().find(({ kind }) => kind === "weights")?.allocatedBytes ?? 0,
    fittingTokens: fitting === Infinity ? null : fitting,
  };
}

/** Browsers do not tell how much memory a GPU has; most have this much to give. */
const ASSUMED_MEMORY_BYTES = 2e9;

/** The end of what was read, from the beginning of a word on. */
export function excerptAt({ tokenizer }: ChatModel, ids: Uint32Array, numTokens: number): string {
  const last = [...ids.subarray(Math.max(0, numTokens - EXCERPT_TOKENS), numTokens)];
  const text = tokenizer.decode(last, { skipSpecial: true }).replace(/\s+/g, " ").slice(-EXCERPT_CHARS);
  return text.slice(text.indexOf(" ") + 1);
}
