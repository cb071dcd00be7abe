// Where one model begins to need more than another. Knows numbers, no GPU.

/** A cost that grows with the text: bytes, from the config. */
export interface GrowingCost {
  readonly name: string;
  readonly fixedBytes: number;
  readonly bytesPerToken: number;
}

/** From `fromToken` tokens on, `more` needs more than `less`, and before it does not. */
export interface Crossing {
  readonly more: string;
  readonly less: string;
  readonly fromToken: number;
}

/** Every crossing of two straight lines, exactly; the earliest first. */
export function crossingsOfSizes(costs: readonly GrowingCost[]): Crossing[] {
  return crossingsOf(costs, (more, less) => {
    if (more.bytesPerToken <= less.bytesPerToken) return undefined;
    const equalAt = (less.fixedBytes - more.fixedBytes) / (more.bytesPerToken - less.bytesPerToken);
    return equalAt < 0 ? undefined : Math.floor(equalAt) + 1;
  });
}

/** Measured values of one model. */
export interface MeasuredCost {
  readonly name: string;
  /** (num_points), NaN where there is none. */
  readonly values: ArrayLike<number>;
}

/** The crossings of measured lines over the same positions: the first position from which one stays above the other to the
 * end, when it was not above it before. */
export function crossingsOfMeasured(positions: ArrayLike<number>, costs: readonly MeasuredCost[]): Crossing[] {
  return crossingsOf(costs, ({ values: more }, { values: less }) => {
    const points = Array.from({ length: positions.length }, (_, point) => point).filter((point) => {
      return !Number.isNaN(more[point]) && !Number.isNaN(less[point]);
    });
    const lastBelow = points.findLastIndex((point) => more[point]! <= less[point]!);
    return lastBelow < 0 || lastBelow === points.length - 1 ? undefined : positions[points[lastBelow + 1]!];
  });
}

/** Told for a person; `quantity` is e.g. "more memory" or "more time a token". */
export function describeCrossing({ more, less, fromToken }: Crossing, quantity: string): string {
  return `${more} needs ${quantity} than ${less} from token ${new Intl.NumberFormat("en").format(fromToken)} on.`;
}

function crossingsOf<Cost extends { readonly name: string }>(
  costs: readonly Cost[],
  crossOf: (more: Cost, less: Cost) => number | undefined,
): Crossing[] {
  const crossings = costs.flatMap((more) =>
    costs.flatMap((less): Crossing[] => {
      const fromToken = more === less ? undefined : crossOf(more, less);
      return fromToken === undefined ? [] : [{ more: more.name, less: less.name, fromToken }];
    }),
  );
  return crossings.sort((a, b) => a.fromToken - b.fromToken);
}
