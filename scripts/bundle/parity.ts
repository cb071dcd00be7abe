// `node scripts/bundle/parity.js [part of a path ...]` in a bundle: the tests of tests/gpu on this machine's GPU, with the
// kernel variants that RELAMPAGO_FEATURES names. Exits 1 when one fails.

import { runSuites, type Tally } from "./vitest-stand-in.ts";

const files: Record<string, () => Promise<unknown>> = import.meta.glob("../../tests/gpu/**/*.test.ts");
const parts = process.argv.slice(2);
const wanted = Object.keys(files).filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)));
const tally: Tally = { passed: 0, failed: 0 };
const startMs = performance.now();
const elapsed = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
for (const path of wanted) {
  const [before, fileStartMs] = [{ ...tally }, performance.now()];
  await files[path]!();
  await runSuites(tally);
  const [passed, failed] = [tally.passed - before.passed, tally.failed - before.failed];
  console.log(`${path.split("/").at(-1)}: ${passed} passed, ${failed} failed, ${elapsed(fileStartMs)}`);
}
const features = process.env.RELAMPAGO_FEATURES ?? "default";
console.log(`features ${features}: ${tally.passed} tests passed, ${tally.failed} failed, ${elapsed(startMs)}`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
