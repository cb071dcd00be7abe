// How a document and a question about it become one message to the model: lead, text, question, in the template's words.
// The document's ids are the same for every question, so that it is read once.

import type { ChatTemplate } from "../text/chat-template.ts";
import { StreamingEncoder } from "../text/streaming-encoder.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { DOCUMENT_LEAD, QUESTION_GAP } from "./facts.ts";

export class DocumentPrompt {
  readonly #tokenizer: Tokenizer;
  readonly #headIds: readonly number[];
  /** Plain text before the document's, which may be merged with it. */
  readonly #headText: string;
  readonly #after: string;

  /** Throws a TokenizerError for a template without a place for a message. */
  constructor(tokenizer: Tokenizer, template: ChatTemplate) {
    const { before, after } = template.frameMessage();
    const { ids, rest } = tokenizer.encodeHead(before);
    this.#tokenizer = tokenizer;
    this.#headIds = ids;
    this.#headText = rest + DOCUMENT_LEAD + QUESTION_GAP;
    this.#after = after;
  }

  /** The ids of everything up to the last end of a word in the text, in steps; returns the text after it, which is read
   * with each question, since the question may change its ids. */
  async *encodeDocument(text: AsyncIterable<string> | Iterable<string>): AsyncGenerator<readonly number[], string> {
    const encoder = new StreamingEncoder(this.#tokenizer);
    const headIds = this.#headIds;
    yield headIds;
    yield* encoder.push(this.#headText);
    for await (const chunk of text) yield* encoder.push(chunk);
    yield encoder.flush();
    return encoder.held.trimEnd();
  }

  /** The ids that follow the document's. @param held what encodeDocument returned */
  encodeQuestion(held: string, question: string): readonly number[] {
    return this.#tokenizer.encodeParts([
      { text: held + QUESTION_GAP + question.trim(), plain: true },
      { text: this.#after, plain: false },
    ]);
  }
}
