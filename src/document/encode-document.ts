// Encodes a whole document while others run: a few milliseconds of work at a time, and no more text in memory than a chunk.

import type { DocumentPrompt } from "./document-prompt.ts";

export interface EncodedDocument {
  /** Of the head of the message and the text, up to its last end of a word. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** The text after that, which is read with each question. */
  readonly held: string;
  readonly numChars: number;
}

export interface EncodeOptions {
  readonly signal: AbortSignal;
  /** Called now and then. */
  readonly onProgress: (numTokens: number, numChars: number) => void;
}

/** Between two pauses. */
const WORK_MS = 12;
/** A message for each of these is enough to see it move. */
const PROGRESS_MS = 100;
const PART_TOKENS = 65_536;

/** Throws what the text throws, and the signal's reason. */
export async function encodeDocument(
  prompt: DocumentPrompt,
  text: AsyncIterable<string>,
  { signal, onProgress }: EncodeOptions,
): Promise<EncodedDocument> {
  const parts: Uint32Array[] = [];
  let part = new Uint32Array(PART_TOKENS);
  let partLength = 0;
  let numChars = 0;
  let restedMs = performance.now();
  let toldMs = restedMs;
  const counted = (async function* () {
    for await (const chunk of text) {
      numChars += chunk.length;
      yield chunk;
    }
  })();
  const steps = prompt.encodeDocument(counted);
  let step = await steps.next();
  for (; !step.done; step = await steps.next()) {
    for (const id of step.value) {
      if (partLength === PART_TOKENS) {
        parts.push(part);
        part = new Uint32Array(PART_TOKENS);
        partLength = 0;
      }
      part[partLength++] = id;
    }
    const now = performance.now();
    if (now - restedMs < WORK_MS) continue;
    if (now - toldMs >= PROGRESS_MS) {
      onProgress(parts.length * PART_TOKENS + partLength, numChars);
      toldMs = now;
    }
    await rest();
    signal.throwIfAborted();
    restedMs = performance.now();
  }
  const ids = new Uint32Array(parts.length * PART_TOKENS + partLength);
  for (const [index, full] of parts.entries()) ids.set(full, index * PART_TOKENS);
  ids.set(part.subarray(0, partLength), parts.length * PART_TOKENS);
  return { ids, held: step.value, numChars };
}

/** Lets messages and other tasks come first. */
function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
