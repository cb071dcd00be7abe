import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runExport, useFolder } from "./export-command.ts";
import { writeSparseCheckpoint } from "./sparse-checkpoint.ts";

const folder = useFolder();

/** Ends the program's errors with the most memory it ever had, in bytes. Linux counts that of its parent, from which it was
 * forked, in resourceUsage; VmHWM is its own. Both are in units of 1024. */
const TELL_PEAK = `
  import { existsSync, readFileSync } from "node:fs";
  const own = () => existsSync("/proc/self/status") && /VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1];
  process.on("exit", () => console.error("peak " + 1024 * Number(own() || process.resourceUsage().maxRSS)));
`;

it("a checkpoint of 2 GB is exported within 300 MB of memory", { timeout: 600_000 }, async () => {
  const source = join(folder(), "sparse");
  expect(writeSparseCheckpoint(source, 17)).toBeGreaterThan(2e9);
  const out = join(folder(), "model");
  const nodeOptions = ["--import", `data:text/javascript,${encodeURIComponent(TELL_PEAK)}`];
  const run = await runExport([source, "--out", out, "--quant", "q4"], undefined, nodeOptions);
  expect(run.status).toBe(0);
  expect(statSync(join(out, "weights-00018.bin")).size).toBeGreaterThan(0);
  const peakBytes = Number(/peak (\d+)/.exec(run.stderr)![1]);
  expect(peakBytes).toBeGreaterThan(30e6);
  expect(peakBytes).toBeLessThan(300e6);
});
