import type { Summary } from "./result.ts";

/** Of an even number of values the median is the mean of the two in the middle. Throws RangeError for none. */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError("summary: expected at least one value, got none");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
  return { median, fastest: sorted[0]!, slowest: sorted.at(-1)! };
}
