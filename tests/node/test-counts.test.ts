import { expect, test } from "vitest";
import { countTests } from "../../scripts/node/test-counts.ts";

function report(...files: { status: string; tests: string[] }[]): string {
  const testResults = files.map(({ status, tests }) => ({
    status,
    assertionResults: tests.map((status) => ({ status })),
  }));
  return JSON.stringify({ testResults });
}

test("passed and failed tests are counted over all files", () => {
  const text = report(
    { status: "failed", tests: ["passed", "failed", "passed"] },
    { status: "passed", tests: ["passed"] },
  );
  expect(countTests(text, 1)).toEqual({ passed: 3, failed: 1 });
});

test("a test that was skipped has failed", () => {
  expect(countTests(report({ status: "passed", tests: ["passed", "skipped"] }), 0)).toEqual({ passed: 1, failed: 1 });
});

test("a file that broke outside its tests has failed", () => {
  const text = report({ status: "failed", tests: [] }, { status: "failed", tests: ["passed"] });
  expect(countTests(text, 1)).toEqual({ passed: 1, failed: 2 });
});

test("a run that ended badly has failed even if all its tests passed", () => {
  expect(countTests(report({ status: "passed", tests: ["passed"] }), 1)).toEqual({ passed: 1, failed: 1 });
});

test("a run without a report or without tests has failed", () => {
  expect(countTests(undefined, 0)).toEqual({ passed: 0, failed: 1 });
  expect(countTests(report(), 0)).toEqual({ passed: 0, failed: 1 });
});
