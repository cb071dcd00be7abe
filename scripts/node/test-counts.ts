// Counts passed and failed tests in vitest's JSON report, so that no failure is lost.

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** A test that neither passed nor failed (skipped, left to do) counts as failed, as does a file that broke outside its
 * tests, and a run that ended badly or without a report though nothing in it failed.
 * @param text the report, undefined when there is none */
export function countTests(text: string | undefined, exitStatus: number): TestCounts {
  if (text === undefined) return { passed: 0, failed: 1 };
  let passed = 0;
  let failed = 0;
  for (const { status, assertionResults } of (JSON.parse(text) as Report).testResults) {
    const numPassed = assertionResults.filter((result) => result.status === "passed").length;
    const numFailed = assertionResults.length - numPassed;
    passed += numPassed;
    failed += numFailed === 0 && status !== "passed" ? 1 : numFailed;
  }
  return { passed, failed: failed === 0 && (exitStatus !== 0 || passed === 0) ? 1 : failed };
}
