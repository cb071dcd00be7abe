// The byte-level alphabet of GPT-2's BPE: each of the 256 bytes is written as one printable letter, so that a vocabulary
// of bytes can be stored as JSON strings. Printable bytes stand for themselves; the others follow from U+0100 on.
// Source: openai/gpt-2, src/encoder.py, bytes_to_unicode.

const FIRST_SUBSTITUTE = 0x100;

/** (256) */
export const BYTE_LETTERS: readonly string[] = createByteLetters();

const BYTE_OF_LETTER: ReadonlyMap<string, number> = new Map(BYTE_LETTERS.map((letter, byte) => [letter, byte]));

const textEncoder = new TextEncoder();

/** The bytes that a token of the vocabulary stands for; a token with a letter outside the alphabet is plain text. */
export function tokenBytes(token: string): Uint8Array {
  const bytes = Array.from(token, (letter) => BYTE_OF_LETTER.get(letter));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : textEncoder.encode(token);
}

function createByteLetters(): string[] {
  let numSubstitutes = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCodePoint(isPrintable ? byte : FIRST_SUBSTITUTE + numSubstitutes++);
  });
}
