// Whether counts are a fair sample of a distribution.

const MIN_EXPECTED = 5;

/** Standard deviations by which Pearson's statistic exceeds its mean; rare bins are pooled. Infinity when something
 * impossible was drawn. */
export function chiSquaredExcess(counts: ArrayLike<number>, probabilities: Float64Array): number {
  const numDraws = Array.from(counts).reduce((sum, count) => sum + count, 0);
  const bins: { count: number; expected: number }[] = [];
  const rare = { count: 0, expected: 0 };
  for (const [id, probability] of probabilities.entries()) {
    const expected = numDraws * probability;
    if (probability === 0 && counts[id] > 0) return Infinity;
    if (expected >= MIN_EXPECTED) {
      bins.push({ count: counts[id], expected });
    } else {
      rare.count += counts[id];
      rare.expected += expected;
    }
  }
  if (rare.expected >= MIN_EXPECTED) bins.push(rare);
  const freedom = bins.length - 1;
  const statistic = bins.reduce((sum, { count, expected }) => sum + (count - expected) ** 2 / expected, 0);
  return (statistic - freedom) / Math.sqrt(2 * Math.max(freedom, 1));
}
