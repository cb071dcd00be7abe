// Checks a `tokenizer.json` of the kind that is supported, byte-level BPE, once at the border.

import { BYTE_LETTERS } from "./byte-level.ts";
import { expectObject, shown, TokenizerError } from "./tokenizer-error.ts";

/** A token that is found in text as a whole before BPE: control tokens and the like. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out of text that is shown. */
  readonly special: boolean;
  /** Whether it takes the white space before it, after it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

export interface TokenizerFile {
  readonly json: Record<string, unknown>;
  readonly model: Record<string, unknown>;
  /** Ids by token, written in byte letters. */
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (string | readonly [string, string])[];
  readonly addedTokens: readonly AddedToken[];
}

/** Throws a TokenizerError that names the field. */
export function parseTokenizerFile(json: unknown): TokenizerFile {
  const file = expectObject(json, "tokenizer.json");
  const model = expectObject(file.model, "tokenizer.json model");
  if (model.type !== "BPE") fail("model.type", '"BPE"', model.type);
  const decoder = expectObject(file.decoder, "tokenizer.json decoder");
  if (decoder.type !== "ByteLevel") fail("decoder.type", '"ByteLevel"', decoder.type);
  const vocab = expectObject(model.vocab, "tokenizer.json model.vocab");
  for (const [token, id] of Object.entries(vocab)) {
    if (!isTokenId(id)) fail(`model.vocab ${JSON.stringify(token)}`, "a token id", id);
  }
  const numBytes = BYTE_LETTERS.filter((letter) => Object.hasOwn(vocab, letter)).length;
  if (numBytes !== BYTE_LETTERS.length) fail("model.vocab", `all ${BYTE_LETTERS.length} bytes`, numBytes);
  const merges = expectArray(model.merges, "model.merges");
  merges.forEach((merge, index) => {
    const parts: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    const isPair = Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === "string");
    if (!isPair || typeof merge !== typeof merges[0]) fail(`model.merges[${index}]`, "a pair of tokens", merge);
  });
  const addedTokens = expectArray(file.added_tokens ?? [], "added_tokens").map(parseAddedToken);
  return {
    json: file,
    model,
    vocab: vocab as Record<string, number>,
    merges: merges as TokenizerFile["merges"],
    addedTokens,
  };
}

function expectArray(value: unknown, field: string): unknown[] {
  return Array.isArray(value) ? value : fail(field, "a list", value);
}

function parseAddedToken(value: unknown, index: number): AddedToken {
  const field = `added_tokens[${index}]`;
  const token = expectObject(value, `tokenizer.json ${field}`);
  const { id, content } = token;
  if (!isTokenId(id)) fail(`${field}.id`, "a token id", id);
  if (typeof content !== "string" || content === "") fail(`${field}.content`, "a text", content);
  return {
    id,
    content,
    special: token.special === true,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
  };
}

function isTokenId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
}

function fail(field: string, expected: string, got: unknown): never {
  throw new TokenizerError(`tokenizer.json ${field}: expected ${expected}, got ${shown(got)}`);
}
