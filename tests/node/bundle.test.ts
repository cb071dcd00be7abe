import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "relampago-bundle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(cwd: string, ...args: string[]) {
  return spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
}

it("bundles commands, kernels and tests that run where nothing is installed", () => {
  const bundle = join(folder, "bundle");
  const { status, stderr } = run(ROOT, "--import", "tsx", "scripts/bundle.ts", bundle, "--without-model");
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(existsSync(join(bundle, "public"))).toBe(false);
  const parity = run(folder, join(bundle, "scripts/bundle/parity.js"), "rms-norm", "features.test");
  expect(parity.stdout).toMatch(/rms-norm\.test\.ts: [1-9]\d* passed, 0 failed/);
  expect(parity.stdout).toMatch(/features default: [1-9]\d* tests passed, 0 failed/);
  expect(parity.status).toBe(0);
  expect(run(folder, join(bundle, "scripts/bundle/parity.js"), "no such test").status).toBe(1);
  for (const command of ["bench", "long-read", "needle"]) {
    expect(run(folder, join(bundle, `scripts/${command}.js`), "--help").stdout).toContain("--features");
  }
});

it("refuses a platform that Dawn is not built for", () => {
  const { status, stderr } = run(
    ROOT,
    "--import",
    "tsx",
    "scripts/bundle.ts",
    join(folder, "other"),
    "--platform",
    "vax",
  );
  expect(stderr).toBe("--platform: expected a folder of node_modules/webgpu/dist, got vax\n");
  expect(status).toBe(1);
});
