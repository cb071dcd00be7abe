// Encodes the turns of a conversation by the checkpoint's own chat template. The template is rendered with placeholders
// where the messages' texts belong, so that its own control tokens can be told from typed ones.

import { Template } from "@huggingface/jinja";
import { expectObject, quoted, shown, TokenizerError } from "./tokenizer-error.ts";
import type { TextPart, Tokenizer } from "./tokenizer.ts";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface TurnOptions {
  /** Whether the last answer of the history ended with an end token, which is then part of the history. */
  readonly previousAnswerEnded: boolean;
}

/** A part of a rendering: text of the template, or a place for a message's text. */
type Piece = { readonly kind: "template"; readonly text: string } | MessagePiece;

interface MessagePiece {
  readonly kind: "message";
  readonly index: number;
  /** The placeholder as it was rendered. */
  readonly text: string;
  readonly trimsStart: boolean;
  readonly trimsEnd: boolean;
}

const FIELD = "tokenizer_config.json chat_template";

/** White space around a placeholder; a template that trims its messages takes it away. */
const PROBE = " \t\n \t";

export class ChatTemplate {
  readonly #template: Template;
  /** What the template may use besides the messages: `bos_token` and the like. */
  readonly #specialTokens: Readonly<Record<string, string>>;
  readonly #tokenizer: Tokenizer;

  private constructor(template: Template, specialTokens: Readonly<Record<string, string>>, tokenizer: Tokenizer) {
    this.#template = template;
    this.#specialTokens = specialTokens;
    this.#tokenizer = tokenizer;
  }

  /** Throws a TokenizerError when there is no template, or none that can be read. */
  static parse(tokenizerConfigJson: unknown, tokenizer: Tokenizer): ChatTemplate {
    const config = expectObject(tokenizerConfigJson, "tokenizer_config.json");
    const source = config.chat_template;
    if (typeof source !== "string") throw new TokenizerError(`${FIELD}: expected a text, got ${shown(source)}`);
    try {
      return new ChatTemplate(new Template(source), parseSpecialTokens(config), tokenizer);
    } catch (cause) {
      throw new TokenizerError(`${FIELD}: expected a Jinja template, got ${quoted(cause)}`, { cause });
    }
  }

  /**
   * The ids that follow those of the history, up to where the answer to `next` begins. Throws a TokenizerError when the
   * template refuses the messages or changes their texts.
   * @param history Nothing, or messages that end with an answer.
   */
  encodeTurn(history: readonly ChatMessage[], next: readonly ChatMessage[], options: TurnOptions): number[] {
    if (history.length > 0 && history.at(-1)!.role !== "assistant") {
      throw new RangeError(`history: expected an answer at its end, got a message of role ${history.at(-1)!.role}`);
    }
    const messages = [...history, ...next];
    const nonce = createNonce();
    const placeholders = messages.map(({ role }, index) => ({ role, content: `${PROBE}${nonce}${index}.${PROBE}` }));
    const pieces = splitAtPlaceholders(this.#render(placeholders, true), nonce);
    const placeOf = (index: number) =>
      pieces.findLastIndex((piece) => piece.kind === "message" && piece.index === index);
    const oldPlaceholders = placeholders.slice(0, history.length);

    // A template may do more to a text than to trim it; then the text that it gives is not the one composed here.
    const composed = pieces.map((piece) => (isNew(piece, history) ? textOf(piece, messages) : piece.text)).join("");
    const isComplete = messages.every((_, index) => index < history.length - 1 || placeOf(index) >= 0);
    if (!isComplete || composed !== this.#render([...oldPlaceholders, ...next], true)) {
      const roles = messages.map((message) => message.role).join(", ");
      throw new TokenizerError(`${FIELD}: expected a place for each text of ${roles}, got a text lost or changed`);
    }

    const newPieces = history.length === 0 ? pieces : pieces.slice(placeOf(history.length - 1) + 1);
    const parts = newPieces.map((piece): TextPart => ({
      text: textOf(piece, messages),
      plain: piece.kind === "message",
    }));
    const ids = this.#tokenizer.encodeParts(parts);
    if (!options.previousAnswerEnded || history.length === 0) return ids;
    const closing = splitAtPlaceholders(this.#render(oldPlaceholders, false), nonce).at(-1)!.text;
    return ids.slice(this.#numIdsOfEnding(parts[0].text, closing));
  }

  /** What the template writes before and after the only message of a user, up to where the answer begins. Throws a
   * TokenizerError when it has no place for one. */
  frameMessage(): { readonly before: string; readonly after: string } {
    const nonce = createNonce();
    const pieces = splitAtPlaceholders(this.#render([{ role: "user", content: `${nonce}0.` }], true), nonce);
    const [before, message, after] = pieces;
    if (pieces.length !== 3 || before.kind !== "template" || message.kind !== "message" || after.kind !== "template") {
      throw new TokenizerError(`${FIELD}: expected one place for the text of user, got ${(pieces.length - 1) / 2}`);
    }
    return { before: before.text, after: after.text };
  }

  /** How many of the first ids were read or drawn with the answer: those up to its end token. */
  #numIdsOfEnding(afterAnswer: string, closing: string): number {
    // Only what also closes the last message of a conversation belongs to the answer, not to the next message.
    let length = 0;
    while (length < closing.length && closing[length] === afterAnswer[length]) length++;
    const ids = this.#tokenizer.encode(closing.slice(0, length));
    return ids.findIndex((id) => this.#tokenizer.isControlToken(id)) + 1;
  }

  #render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): string {
    try {
      return this.#template.render({ ...this.#specialTokens, messages, add_generation_prompt: addGenerationPrompt });
    } catch (cause) {
      const roles = messages.map((message) => message.role).join(", ");
      throw new TokenizerError(`${FIELD}: expected to render ${roles}, got ${quoted(cause)}`, { cause });
    }
  }
}

function isNew(piece: Piece, history: readonly ChatMessage[]): boolean {
  return piece.kind === "message" && piece.index >= history.length;
}

function textOf(piece: Piece, messages: readonly ChatMessage[]): string {
  if (piece.kind === "template") return piece.text;
  let text = messages[piece.index].content;
  if (piece.trimsStart) text = text.trimStart();
  if (piece.trimsEnd) text = text.trimEnd();
  return text;
}

/** The last piece is always text of the template, maybe empty; so is what stands after each message. */
function splitAtPlaceholders(rendering: string, nonce: string): Piece[] {
  const pieces: Piece[] = [];
  let position = 0;
  for (const match of rendering.matchAll(new RegExp(`(${PROBE})?${nonce}(\\d+)\\.(${PROBE})?`, "g"))) {
    const [text, before, index, after] = match;
    pieces.push({ kind: "template", text: rendering.slice(position, match.index) });
    pieces.push({ kind: "message", index: Number(index), text, trimsStart: !before, trimsEnd: !after });
    position = match.index + text.length;
  }
  return [...pieces, { kind: "template", text: rendering.slice(position) }];
}

/** `bos_token` and the like are texts or objects with a `content`. */
function parseSpecialTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!name.endsWith("_token")) continue;
    const content = typeof value === "object" && value !== null && "content" in value ? value.content : value;
    if (typeof content === "string") tokens[name] = content;
  }
  return tokens;
}

/** Letters and digits that no message can hold but by a chance of 2⁻¹²⁸. */
function createNonce(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
