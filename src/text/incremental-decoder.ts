// Turns token ids into text one at a time. A token may end in the middle of a character; its bytes wait for the rest.

/** The bytes of a token; undefined for one that is not shown. */
export type TokenBytes = (id: number) => Uint8Array | undefined;

/** Decodes one text; bytes that are not UTF-8 become U+FFFD. */
export class IncrementalDecoder {
  readonly #tokenBytes: TokenBytes;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(tokenBytes: TokenBytes) {
    this.#tokenBytes = tokenBytes;
  }

  /** The text that is certain once this token is known: whole characters only, often empty. */
  push(id: number): string {
    const bytes = this.#tokenBytes(id);
    return bytes ? this.#decoder.decode(bytes, { stream: true }) : "";
  }

  /** What is left of an unfinished character; the next push begins a new text. */
  end(): string {
    return this.#decoder.decode();
  }
}
