/** A document that cannot be read or kept; the message is `<name>: expected <x>, got <y>`. */
export class DocumentError extends Error {
  override readonly name = "DocumentError";
}
