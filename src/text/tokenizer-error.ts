/** A tokenizer file or chat template that cannot be used; the message is `<file> <field>: expected <x>, got <y>`. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
}
