import { expect, it } from "vitest";
import { fitPower } from "../../src/compare/power-fit.ts";

const LENGTHS = [1, 2, 4, 8, 16, 32];

it("a power of the length is found exactly", () => {
  const fit = fitPower(
    LENGTHS,
    LENGTHS.map((length) => 3 * length ** 1.5),
  )!;
  expect(fit.exponent).toBeCloseTo(1.5, 12);
  expect(fit.factor).toBeCloseTo(3, 12);
  expect(fit.rSquared).toBeCloseTo(1, 12);
  expect(fit.numPoints).toBe(6);
});

it("a constant cost has exponent 0 and is explained wholly", () => {
  expect(fitPower(LENGTHS, [7, 7, 7, 7, 7, 7])).toMatchObject({ exponent: 0, rSquared: 1 });
});

it("the line is that of least squares: any other exponent is further away", () => {
  const costs = [2, 3, 9, 11, 30, 40];
  const { exponent, factor, rSquared } = fitPower(LENGTHS, costs)!;
  const distance = (power: number, scale: number) =>
    LENGTHS.reduce((sum, length, i) => sum + Math.log(costs[i]! / (scale * length ** power)) ** 2, 0);
  const best = distance(exponent, factor);
  for (const step of [-0.01, 0.01]) {
    expect(distance(exponent + step, factor)).toBeGreaterThan(best);
    expect(distance(exponent, factor * (1 + step))).toBeGreaterThan(best);
  }
  const mean = costs.reduce((sum, cost) => sum + Math.log(cost), 0) / costs.length;
  expect(rSquared).toBeCloseTo(1 - best / costs.reduce((sum, cost) => sum + (Math.log(cost) - mean) ** 2, 0), 12);
});

it("what has no logarithm is left out, and one length says nothing", () => {
  const fit = fitPower([0, 2, 4, 8], [1, 4, NaN, 16])!;
  expect(fit.exponent).toBeCloseTo(1, 12);
  expect(fit.numPoints).toBe(2);
  expect(fitPower([2, 2], [1, 4])).toBe(undefined);
  expect(fitPower([], [])).toBe(undefined);
});
