import { expect, test } from "vitest";
import { addSample, bytesPerSecond, type DownloadSample } from "../../src/ui/state/download-rate.ts";

function sampleAll(pairs: readonly (readonly [atMs: number, loadedBytes: number])[]): readonly DownloadSample[] {
  return pairs.reduce<readonly DownloadSample[]>(
    (samples, [atMs, loadedBytes]) => addSample(samples, { atMs, loadedBytes }),
    [],
  );
}

test("no rate is told before half a second has been seen", () => {
  expect(bytesPerSecond([])).toBeNull();
  expect(
    bytesPerSecond(
      sampleAll([
        [0, 0],
        [499, 1000],
      ]),
    ),
  ).toBeNull();
  expect(
    bytesPerSecond(
      sampleAll([
        [0, 0],
        [500, 1000],
      ]),
    ),
  ).toBe(2000);
});

test("a connection that stands still has no rate", () => {
  expect(
    bytesPerSecond(
      sampleAll([
        [0, 700],
        [1000, 700],
      ]),
    ),
  ).toBeNull();
});

test("the rate follows the last seconds, not the whole download", () => {
  const fastThenSlow = sampleAll([
    [0, 0],
    [1000, 9_000_000],
    [2000, 18_000_000],
    [7000, 18_500_000],
    [8000, 18_600_000],
  ]);
  expect(bytesPerSecond(fastThenSlow)).toBe(100_000);
});

test("samples that left the window are dropped", () => {
  const samples = sampleAll(Array.from({ length: 100 }, (_, index) => [index * 1000, index] as const));
  expect(samples.map(({ atMs }) => atMs)).toEqual([94_000, 95_000, 96_000, 97_000, 98_000, 99_000]);
});
