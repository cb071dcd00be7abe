// How a cost grows with length: the best straight line through the logarithms. Knows numbers, no GPU.

/** cost = factor · length^exponent, by least squares on the logarithms. */
export interface PowerFit {
  readonly exponent: number;
  readonly factor: number;
  /** Share of the logarithms' variance that the line explains; 1 where they do not vary. */
  readonly rSquared: number;
  readonly numPoints: number;
}

/** Undefined with fewer than two lengths. Points where either is not above zero are left out. */
export function fitPower(lengths: ArrayLike<number>, costs: ArrayLike<number>): PowerFit | undefined {
  const points = Array.from({ length: lengths.length }, (_, point): [number, number] => [
    lengths[point]!,
    costs[point]!,
  ])
    .filter(([length, cost]) => length > 0 && cost > 0)
    .map(([length, cost]): [number, number] => [Math.log(length), Math.log(cost)]);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const sumOf = (product: (x: number, y: number) => number) =>
    points.reduce((sum, [x, y]) => sum + product(x - meanX, y - meanY), 0);
  const varianceX = sumOf((x) => x * x);
  if (points.length < 2 || varianceX === 0) return undefined;
  const exponent = sumOf((x, y) => x * y) / varianceX;
  const varianceY = sumOf((_, y) => y * y);
  const residual = sumOf((x, y) => (y - exponent * x) ** 2);
  return {
    exponent,
    factor: Math.exp(meanY - exponent * meanX),
    rSquared: varianceY === 0 ? 1 : 1 - residual / varianceY,
    numPoints: points.length,
  };
}
