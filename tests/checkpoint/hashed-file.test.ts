import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openModelFolder } from "../../scripts/node/files.ts";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { expectWhole } from "../../src/checkpoint/hashed-file.ts";

const right = Uint8Array.from({ length: 1000 }, (_, index) => index);
const sha256 = createHash("sha256").update(right).digest("hex");
const file = { file: "part.bin", sizeBytes: right.length, sha256 };

it("bytes are whole when size and digest are as they should be", async () => {
  await expectWhole(file, right);
});

it.each([
  { problem: "the last byte is missing", bytes: right.slice(0, -1), expected: "expected 1000 bytes, got 999" },
  { problem: "a byte follows the last", bytes: Uint8Array.of(...right, 0), expected: "expected 1000 bytes, got 1001" },
])("bytes are refused when $problem", async ({ bytes, expected }) => {
  await expect(expectWhole(file, bytes)).rejects.toThrow(new CheckpointError("part.bin", "", expected));
});

it("bytes are refused when one bit differs", async () => {
  const wrong = right.slice();
  wrong[999]! ^= 1;
  const digest = createHash("sha256").update(wrong).digest("hex");
  const problem = `expected ${sha256}, got ${digest}`;
  await expect(expectWhole(file, wrong)).rejects.toThrow(new CheckpointError("part.bin", "SHA-256", problem));
});

it("a folder on a disk gives whole files and JSON, and names what it cannot give", async () => {
  const folder = mkdtempSync(join(tmpdir(), "relampago-folder-"));
  try {
    writeFileSync(join(folder, "part.bin"), right);
    writeFileSync(join(folder, "short.bin"), right.subarray(1));
    writeFileSync(join(folder, "one.json"), '{"one":1}');
    writeFileSync(join(folder, "page.json"), "<!doctype html>");
    const files = openModelFolder(folder);
    expect([...(await files.read(file))]).toEqual([...right]);
    expect(await files.readJson("one.json")).toEqual({ one: 1 });
    const refusals: [() => Promise<unknown>, string][] = [
      [() => files.read({ ...file, file: "short.bin" }), "short.bin: expected 1000 bytes, got 999"],
      [() => files.read({ ...file, file: "none.bin" }), `${join(folder, "none.bin")}: expected the file, got none`],
      [() => files.readJson("none.json"), `${join(folder, "none.json")}: expected the file, got none`],
      [() => files.readJson("page.json"), "page.json: expected JSON, got something else"],
    ];
    for (const [reading, message] of refusals) {
      await expect(reading()).rejects.toMatchObject({ name: "CheckpointError", message });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
