import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createFolder } from "../worker/made-up-folder.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "relampago-long-read-"));
beforeAll(async () => {
  for (const [file, bytes] of await createFolder()) writeFileSync(join(folder, file), bytes);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function longRead(...options: string[]) {
  const script = ["--import", "tsx", "scripts/long-read.ts", "--model", folder];
  return spawnSync(process.execPath, [...script, ...options], { cwd: ROOT, encoding: "utf8" });
}

it("tells how time and memory grow as a text is read", () => {
  const out = join(folder, "curve.json");
  const options = ["--tokens", "40", "--points", "2", "--block-size", "16", "--layers", "softmax", "--out", out];
  const { status } = longRead(...options);
  expect(status).toBe(0);
  const { points } = JSON.parse(readFileSync(out, "utf8")) as {
    points: { tokens: number; readMs: number; allocatedBytes: number; keyBytes: number }[];
  };
  // A part is whole blocks.
  expect(points.map(({ tokens }) => tokens)).toEqual([32, 40]);
  expect(points[1]!.readMs).toBeGreaterThan(points[0]!.readMs);
  expect(points[0]!.allocatedBytes).toBeGreaterThan(0);
  expect(points[0]!.keyBytes).toBeGreaterThan(0);
  expect(points[1]!.keyBytes / 40).toBe(points[0]!.keyBytes / 32);
});

it("refuses layers that are no type", () => {
  const { status, stderr } = longRead("--layers", "both");
  expect(stderr).toBe("--layers: expected own, lightning or softmax, got both\n");
  expect(status).toBe(1);
});
