// Whether the next message fits into the conversation. Lengths in tokens are estimated here: the tokenizer lives in the worker.

/** Tokens that the chat template puts around a message and its answer, rounded up. */
const TEMPLATE_TOKENS = 24;
/** What a usual answer needs. */
const ANSWER_TOKENS = 128;
/** English text has about four ASCII characters in a token; fewer is the careful assumption. */
const ASCII_CHARACTERS_PER_TOKEN = 3;

/** Tokens of a text, rather too many than too few: what is not ASCII counts a token for each UTF-8 byte. */
export function estimateTokens(text: string): number {
  let asciiCharacters = 0;
  let otherBytes = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    const isSurrogate = unit >= 0xd800 && unit < 0xe000;
    if (unit < 0x80) asciiCharacters++;
    else otherBytes += unit < 0x800 || isSurrogate ? 2 : 3;
  }
  return Math.ceil(asciiCharacters / ASCII_CHARACTERS_PER_TOKEN) + otherBytes;
}

export interface ContextOutlook {
  readonly usedTokens: number;
  readonly contextLength: number;
  readonly leftTokens: number;
  /** Estimate for the text that is typed; 0 when there is none. */
  readonly draftTokens: number;
  /**
   * roomy: message and answer fit. tight: the answer may be cut short. overfull: the message itself may not fit.
   * full: nothing more fits.
   */
  readonly room: "roomy" | "tight" | "overfull" | "full";
  /** The conversation is longer than the texts that the model was trained on. */
  readonly isBeyondTraining: boolean;
}

/** @param maxTokens tokens of the next answer at most. */
export function computeOutlook(
  usedTokens: number,
  contextLength: number,
  trainedContextLength: number | null,
  draft: string,
  maxTokens: number,
): ContextOutlook {
  const leftTokens = Math.max(0, contextLength - usedTokens);
  const draftTokens = draft.trim() === "" ? 0 : estimateTokens(draft);
  const leftForAnswer = leftTokens - TEMPLATE_TOKENS - draftTokens;
  const room =
    leftTokens < TEMPLATE_TOKENS
      ? "full"
      : leftForAnswer <= 0
        ? "overfull"
        : leftForAnswer < Math.min(maxTokens, ANSWER_TOKENS)
          ? "tight"
          : "roomy";
  const isBeyondTraining = trainedContextLength !== null && usedTokens + draftTokens > trainedContextLength;
  return { usedTokens, contextLength, leftTokens, draftTokens, room, isBeyondTraining };
}
