// What is found of recall: plain data, and its means and errors over seeds.

export interface RecallPlan {
  /** Pairs in a list. */
  readonly sizes: readonly number[];
  readonly seeds: readonly number[];
  /** Keys of each list that are asked for, each on its own. */
  readonly questions: number;
}

/** One list with one model. */
export interface RecallCell {
  readonly name: string;
  readonly size: number;
  readonly seed: number;
  readonly numAsked: number;
  /** Answers that name the right value. */
  readonly numSaid: number;
  /** Questions for which the right value's beginning is the likeliest of the list's values. */
  readonly numChosen: number;
  /** Tokens of the prompt. */
  readonly promptTokens: number;
}

export interface RecallRate {
  readonly size: number;
  readonly mean: number;
  /** Of the mean, from the spread between seeds; 0 with one seed. */
  readonly standardError: number;
  readonly numSeeds: number;
}

/** A choice is among so many values at most: the right one and the first of the others. */
export const MOST_CHOICES = 16;

export const RECALL_PLAN: RecallPlan = { sizes: [1, 2, 4, 8, 16, 32], seeds: [1, 2, 3, 4, 5], questions: 4 };

/** What guessing among the list's values would give. */
export function chanceOf(size: number): number {
  return 1 / Math.min(size, MOST_CHOICES);
}

/** By size, ascending; sizes without a list are left out. */
export function recallRates(
  cells: readonly RecallCell[],
  name: string,
  measure: "said" | "chosen",
): readonly RecallRate[] {
  const own = cells.filter((cell) => cell.name === name);
  const sizes = [...new Set(own.map(({ size }) => size))].sort((a, b) => a - b);
  return sizes.map((size) => {
    const rates = own
      .filter((cell) => cell.size === size)
      .map(({ numAsked, numSaid, numChosen }) => (measure === "said" ? numSaid : numChosen) / numAsked);
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const squares = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0);
    const standardError = rates.length < 2 ? 0 : Math.sqrt(squares / (rates.length - 1) / rates.length);
    return { size, mean, standardError, numSeeds: rates.length };
  });
}
