// Prompts of a given length that every engine reads as the same tokens.

import type { Tokenizer } from "../../../src/text/tokenizer.ts";
import type { Prompt } from "./peer.ts";

const PASSAGE =
  "The harbor was quiet that morning. Fishermen mended their nets, and an old man painted the hull of his boat blue. " +
  "A girl asked him why he had chosen that color, and he said that the sea would know it again. She laughed, sat down " +
  "on a heap of ropes and watched the gulls turn over the market. By noon the wind had come up, the sails were full, and " +
  "nobody remembered who had first spoken of the storm. ";

/** The first tokens of a passage that is repeated. RangeError when its text would be read as other tokens. */
export function createPrompt(tokenizer: Tokenizer, numTokens: number): Prompt {
  const passageLength = tokenizer.encode(PASSAGE).length;
  const ids = tokenizer.encode(PASSAGE.repeat(Math.ceil(numTokens / passageLength) + 1)).slice(0, numTokens);
  const text = tokenizer.decode(ids, { skipSpecial: false });
  const again = tokenizer.encode(text);
  if (again.length !== numTokens || again.some((id, index) => id !== ids[index])) {
    throw new RangeError(
      `prompt: expected ${numTokens} tokens to be read from their text, got ${again.length} or others`,
    );
  }
  return { ids, text };
}
