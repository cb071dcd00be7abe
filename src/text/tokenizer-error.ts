/** A tokenizer file or chat template that cannot be used; the message is `<file> <field>: expected <x>, got <y>`. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
}

/** `thing` as an object with fields; throws a TokenizerError otherwise. */
export function expectObject(value: unknown, thing: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TokenizerError(`${thing}: expected an object, got ${shown(value)}`);
}

/** A JSON value in a few words, for the end of a message. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : (JSON.stringify(value) ?? "nothing");
}

/** What was thrown, in quotes. */
export function quoted(error: unknown): string {
  return JSON.stringify(error instanceof Error ? error.message : String(error));
}
