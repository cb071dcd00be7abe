import { describe, expect, it } from "vitest";
import * as standIn from "../../scripts/bundle/vitest-stand-in.ts";

const floats = Float32Array.of(1, 2);
const refuse = () => {
  throw new RangeError("size: expected 1, got 2");
};

type Expect = typeof standIn.expect;

/** What holds, and what does not. */
const CASES: readonly (readonly [string, (expect: Expect) => unknown, (expect: Expect) => unknown])[] = [
  ["toBe", (e) => e(NaN).toBe(NaN), (e) => e(0).toBe(-0)],
  ["toEqual of objects", (e) => e({ a: 1, b: undefined }).toEqual({ a: 1 }), (e) => e({ a: 1 }).toEqual({ a: 2 })],
  ["toEqual of arrays", (e) => e([1, [2]]).toEqual([1, [2]]), (e) => e([1]).toEqual([1, 2])],
  [
    "toEqual of numbers",
    (e) => e(floats).toEqual(Float32Array.of(1, 2)),
    (e) => e(floats).toEqual(new Float32Array(2)),
  ],
  ["toBeUndefined", (e) => e(undefined).toBeUndefined(), (e) => e(null).toBeUndefined()],
  ["toBeLessThan", (e) => e(1).toBeLessThan(2), (e) => e(NaN).toBeLessThan(2)],
  ["toBeLessThanOrEqual", (e) => e(2).toBeLessThanOrEqual(2), (e) => e(3).toBeLessThanOrEqual(2)],
  ["toBeGreaterThan", (e) => e(3).toBeGreaterThan(2), (e) => e(2).toBeGreaterThan(2)],
  ["toBeGreaterThanOrEqual", (e) => e(2).toBeGreaterThanOrEqual(2), (e) => e(1).toBeGreaterThanOrEqual(2)],
  ["toContain", (e) => e(floats).toContain(2), (e) => e("text").toContain("tax")],
  ["not", (e) => e(floats).not.toContain(3), (e) => e(1).not.toBe(1)],
  ["toThrow", (e) => e(refuse).toThrow("expected 1"), (e) => e(refuse).toThrow("expected 3")],
  ["toThrow of a class", (e) => e(refuse).toThrow(RangeError), (e) => e(refuse).toThrow(TypeError)],
  ["toThrow of anything", (e) => e(refuse).toThrow(), (e) => e(() => 1).toThrow()],
];

describe("the stand-in for vitest", () => {
  it.each(CASES)("tells by %s what holds from what does not", (_, holds, fails) => {
    expect(() => holds(standIn.expect)).not.toThrow();
    expect(() => fails(standIn.expect)).toThrow(/expected/);
  });

  it("waits for what rejects", async () => {
    const rejected = () => Promise.reject(new TypeError("no"));
    await standIn.expect(rejected()).rejects.toThrow("no");
    await expect(standIn.expect(rejected()).rejects.toThrow("yes")).rejects.toThrow(/expected/);
    await expect(standIn.expect(Promise.resolve(1)).rejects.toThrow()).rejects.toThrow(/expected/);
  });

  it("runs suites in order with what is before and after them, each row of a table, and counts what fails", async () => {
    const seen: string[] = [];
    standIn.describe.each([{ size: 1 }, { size: 2 }])("size $size", ({ size }: { size: number }) => {
      standIn.beforeAll(() => seen.push(`before ${size}`));
      standIn.afterAll(() => seen.push(`after ${size}`));
      standIn.it.each([["a", 1] as const])("%s", { timeout: 5 }, (name: string, count: number) => {
        seen.push(`${name} ${count}`);
        standIn.expect(size).toBe(1);
      });
    });
    const tally = { passed: 0, failed: 0 };
    await standIn.runSuites(tally);
    expect(seen).toEqual(["before 1", "a 1", "after 1", "before 2", "a 1", "after 2"]);
    expect(tally).toEqual({ passed: 1, failed: 1 });
  });
});
