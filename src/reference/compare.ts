// Compares what an engine computed with what the reference did, kernel by kernel.

import type { Numbers } from "./vector.ts";

/** A tensor that an engine computed, and the kernel that wrote it. */
export interface Computed {
  readonly kernel: string;
  readonly values: Numbers;
}

export interface Comparison {
  /** Tap name, e.g. `o.3`. */
  readonly name: string;
  readonly kernel: string;
  /** Largest difference, divided by the largest expected magnitude. */
  readonly error: number;
}

/** Largest difference divided by the largest expected magnitude; Infinity for another length or a value that is no number. */
export function largestError(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length) return Infinity;
  let magnitude = Number.MIN_VALUE;
  let error = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(actual[i])) return Infinity;
    magnitude = Math.max(magnitude, Math.abs(expected[i]));
    error = Math.max(error, Math.abs(actual[i] - expected[i]));
  }
  return error / magnitude;
}

/** Errors of all tensors that both have, in the order in which the engine computed them. */
export function compareTaps(
  computed: ReadonlyMap<string, Computed>,
  expected: ReadonlyMap<string, Numbers>,
): Comparison[] {
  return [...computed].flatMap(([name, { kernel, values }]) => {
    const numbers = expected.get(name);
    return numbers ? [{ name, kernel, error: largestError(values, numbers) }] : [];
  });
}

/** Names the first kernel whose result is off: `layer 3 lightning_output (o.3): expected an error of at most x, got y`. */
export function describeDivergence(comparisons: readonly Comparison[], tolerance: number): string | undefined {
  const first = comparisons.find(({ error }) => !(error <= tolerance));
  if (!first) return undefined;
  const { name, kernel, error } = first;
  return `${kernel} (${name}): expected an error of at most ${tolerance}, got ${error.toExponential(2)}`;
}
