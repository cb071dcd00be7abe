// What `npm run needle` finds, as it is kept in a file.

/** One question and what the model said. */
export interface NeedleAnswer {
  /** As asked for. */
  readonly length: number;
  /** From 0 to 1. */
  readonly depth: number;
  /** Of the text and the question. */
  readonly promptTokens: number;
  readonly statement: string;
  readonly question: string;
  readonly expected: string;
  readonly said: string;
  readonly isRight: boolean;
}

/** One text that was read. */
export interface NeedleReading {
  readonly length: number;
  readonly numTokens: number;
  readonly ms: number;
}

export interface NeedleResult {
  readonly date: string;
  readonly model: string;
  readonly adapter: string;
  readonly kvFormat: string;
  readonly trainedContextLength: number | null;
  readonly factsPerText: number;
  readonly lengths: readonly number[];
  readonly depths: readonly number[];
  readonly readings: readonly NeedleReading[];
  readonly answers: readonly NeedleAnswer[];
}

export interface Share {
  readonly right: number;
  readonly asked: number;
}

export function shareOf(answers: readonly NeedleAnswer[]): Share {
  return { right: answers.filter(({ isRight }) => isRight).length, asked: answers.length };
}

/** Throws a TypeError for a file that is none. */
export function parseNeedleResult(file: string, text: string): NeedleResult {
  try {
    const result = JSON.parse(text) as NeedleResult;
    if (Array.isArray(result.answers) && Array.isArray(result.lengths) && Array.isArray(result.depths)) return result;
  } catch (cause) {
    throw new TypeError(`${file}: expected a result of npm run needle, got no JSON`, { cause });
  }
  throw new TypeError(`${file}: expected a result of npm run needle, got other JSON`);
}
