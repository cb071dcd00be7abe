import { expect, test } from "vitest";
import { summarise } from "../../src/bench/summary.ts";

test("a summary has the middle value, the smallest and the largest", () => {
  expect(summarise([5, 1, 9])).toEqual({ median: 5, fastest: 1, slowest: 9 });
  expect(summarise([10, 1, 4, 2])).toEqual({ median: 3, fastest: 1, slowest: 10 });
  expect(summarise([7])).toEqual({ median: 7, fastest: 7, slowest: 7 });
});

test("a summary leaves its values as they are, and needs one", () => {
  const values = [3, 1, 2];
  summarise(values);
  expect(values).toEqual([3, 1, 2]);
  expect(() => summarise([])).toThrow("summary: expected at least one value, got none");
});
