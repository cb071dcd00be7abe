// Text to token ids and back, for byte-level BPE. The vocabulary and its merges run in @huggingface/tokenizers, which is
// given no control tokens: those are found here, so that typed text can be kept from becoming one.

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { tokenBytes } from "./byte-level.ts";
import { IncrementalDecoder } from "./incremental-decoder.ts";
import { expectObject, quoted, TokenizerError } from "./tokenizer-error.ts";
import { type AddedToken, parseTokenizerFile, type TokenizerFile } from "./tokenizer-file.ts";

/** A part of a text to encode; in plain text, what looks like a control token is only its letters. */
export interface TextPart {
  readonly text: string;
  readonly plain: boolean;
}

export class Tokenizer {
  /** Token ids are below this. */
  readonly vocabSize: number;
  readonly #library: LibraryTokenizer;
  readonly #addedTokens: ReadonlyMap<string, AddedToken>;
  readonly #addedTokenPattern: RegExp;
  readonly #addedIds: ReadonlySet<number>;
  readonly #specialIds: ReadonlySet<number>;
  readonly #bytes: ReadonlyMap<number, Uint8Array>;

  private constructor(library: LibraryTokenizer, { vocab, addedTokens }: TokenizerFile) {
    this.#library = library;
    this.#addedTokens = new Map(addedTokens.map((token) => [token.content, token]));
    // The longest first, so that <a><b> wins over <a>; the last alternative matches nothing, for a file without any.
    const contents = [...this.#addedTokens.keys()].sort((a, b) => b.length - a.length);
    this.#addedTokenPattern = new RegExp(`(${[...contents.map(escapeForPattern), "(?!)"].join("|")})`);
    this.#addedIds = new Set(addedTokens.map((token) => token.id));
    this.#specialIds = new Set(addedTokens.filter((token) => token.special).map((token) => token.id));
    const tokens = [...Object.entries(vocab), ...addedTokens.map(({ content, id }) => [content, id] as const)];
    this.#bytes = new Map(tokens.map(([token, id]) => [id, tokenBytes(token)]));
    this.vocabSize = tokens.reduce((size, [, id]) => Math.max(size, id + 1), 0);
  }

  /** From the parsed JSON of a checkpoint's two tokenizer files; throws a TokenizerError. */
  static parse(tokenizerJson: unknown, tokenizerConfigJson: unknown): Tokenizer {
    const file = parseTokenizerFile(tokenizerJson);
    const config = expectObject(tokenizerConfigJson, "tokenizer_config.json");
    try {
      return new Tokenizer(new LibraryTokenizer(withoutAddedTokens(file), config), file);
    } catch (cause) {
      throw new TokenizerError(`tokenizer.json: expected parts that are supported, got ${quoted(cause)}`, { cause });
    }
  }

  /** Whether plain text never becomes this token. */
  isControlToken(id: number): boolean {
    return this.#addedIds.has(id);
  }

  /** Whether a word always ends a piece that BPE works on, whatever follows: then texts can be encoded in parts that are
   * cut at the ends of words. */
  get endsPiecesWithWords(): boolean {
    const split = this.#library.pre_tokenizer;
    if (!split) return false;
    const piecesOf = (text: string): string => JSON.stringify(split(text, {}));
    return WORD_END_PROBES.every(([word, rest]) => {
      return piecesOf(word + rest) === JSON.stringify([...split(word, {}), ...split(rest, {})]);
    });
  }

  /** Encodes text in which control tokens are recognised. */
  encode(text: string): number[] {
    return this.encodeParts([{ text, plain: false }]);
  }

  /** The text up to its last control token as ids, and the rest, which what follows may be merged with. */
  encodeHead(text: string): { readonly ids: number[]; readonly rest: string } {
    const pieces = text.split(this.#addedTokenPattern);
    const token = this.#addedTokens.get(pieces.at(-2) ?? "");
    const rest = pieces.at(-1)!;
    if (!token) return { ids: [], rest };
    return {
      ids: this.encode(text.slice(0, text.length - rest.length)),
      rest: token.rstrip ? rest.trimStart() : rest,
    };
  }

  /** Encodes text in which control tokens are plain text. */
  encodePlain(text: string): number[] {
    return text === "" ? [] : this.#library.encode(text, { add_special_tokens: false }).ids;
  }

  /** Encodes the parts as one text: between two control tokens, merges cross the parts' borders. */
  encodeParts(parts: readonly TextPart[]): number[] {
    const runs: number[][] = [];
    let run = "";
    let stripNext = false;
    const endRun = (strip: boolean) => {
      const text = stripNext ? run.trimStart() : run;
      runs.push(this.encodePlain(strip ? text.trimEnd() : text));
      run = "";
    };
    for (const part of parts) {
      // Splitting by a pattern in brackets keeps what it matched.
      for (const piece of part.plain ? [part.text] : part.text.split(this.#addedTokenPattern)) {
        const token = part.plain ? undefined : this.#addedTokens.get(piece);
        if (!token) {
          run += piece;
          continue;
        }
        endRun(token.lstrip);
        stripNext = token.rstrip;
        runs.push([token.id]);
      }
    }
    endRun(false);
    return runs.flat();
  }

  /** Bytes that are not UTF-8 become U+FFFD; an id without a token is no text. */
  decode(ids: readonly number[], options: { readonly skipSpecial: boolean }): string {
    const decoder = options.skipSpecial ? this.createDecoder() : new IncrementalDecoder((id) => this.#bytes.get(id));
    let text = "";
    for (const id of ids) text += decoder.push(id);
    return text + decoder.end();
  }

  /** Decodes as `decode` with `skipSpecial`, a token at a time. */
  createDecoder(): IncrementalDecoder {
    return new IncrementalDecoder((id) => (this.#specialIds.has(id) ? undefined : this.#bytes.get(id)));
  }
}

/** A word, and what may follow it where a text is cut: `findWordEnd` in streaming-encoder.ts. */
const WORD_END_PROBES: readonly (readonly [string, string])[] = ["Hello", " и", "中文", "don't", "0"].flatMap((word) =>
  [" a", "  b", "\n\nc", "\t", " \n", ...(word === "0" ? [] : [".d", ", e", "!\n", "。"])].map(
    (rest) => [word, rest] as const,
  ),
);

/** The file as the library is to see it: no added tokens, and no way for BPE to arrive at one. */
function withoutAddedTokens({ json, model, vocab, merges, addedTokens }: TokenizerFile): object {
  const added = new Set(addedTokens.map((token) => token.content));
  const product = (merge: string | readonly [string, string]) =>
    typeof merge === "string" ? merge.replace(" ", "") : merge[0] + merge[1];
  return {
    normalizer: null,
    pre_tokenizer: null,
    ...json,
    post_processor: null,
    added_tokens: [],
    model: {
      ...model,
      vocab: Object.fromEntries(Object.entries(vocab).filter(([token]) => !added.has(token))),
      merges: merges.filter((merge) => !added.has(product(merge))),
    },
  };
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
