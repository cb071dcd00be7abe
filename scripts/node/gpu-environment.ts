// Which environment variables a process needs at its start to find a GPU. On Linux Vulkan's loader and driver are
// looked up by them; elsewhere the system's own driver serves and nothing is needed.

import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { findSoftwareDriver } from "./chromium.ts";

/** Set in processes that were started with what findGpuEnvironment returned. */
export const GPU_READY = "RELAMPAGO_GPU_READY";

/** Variables for a process that is to use a GPU: none, or those of Chromium's software driver, which is said on stderr.
 * RELAMPAGO_ADAPTER=software takes the software driver even where there is a GPU.
 * @throws with what to install, when there is neither */
export function findGpuEnvironment(): Record<string, string> {
  const ready = { [GPU_READY]: "1" };
  const wanted = process.env.RELAMPAGO_ADAPTER ?? "";
  if (wanted !== "" && wanted !== "software") {
    throw new Error(`RELAMPAGO_ADAPTER: expected "software" or nothing, got "${wanted}"`);
  }
  const isForced = wanted === "software";
  if (process.platform !== "linux") {
    if (isForced) throw new Error(`RELAMPAGO_ADAPTER=software: expected Linux, got ${process.platform}`);
    return ready;
  }
  if (!isForced && hasSystemDriver()) return ready;
  const folder = findSoftwareDriver();
  if (!folder) {
    throw new Error(
      "GPU driver: expected a Vulkan driver or Chromium's software adapter, got neither. " +
        "Install your GPU's Vulkan driver or Chromium (on Debian: apt-get install chromium).",
    );
  }
  if (!process.env[GPU_READY]) {
    const why = isForced ? "" : "no GPU driver found: ";
    process.stderr.write(`${why}using Chromium's software adapter, slow\n`);
  }
  const driver = join(folder, "vk_swiftshader_icd.json");
  return {
    ...ready,
    // Processes that are started from there have it, too.
    RELAMPAGO_ADAPTER: "software",
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    // The older and the newer name of the same variable; the newer one wins where both are known.
    VK_ICD_FILENAMES: driver,
    VK_DRIVER_FILES: driver,
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? mkdtempSync(join(tmpdir(), "relampago-")),
  };
}

/** Asks in a process of its own, since Dawn complains on stderr where there is no loader. */
function hasSystemDriver(): boolean {
  const probe =
    'import("webgpu").then(async ({ create }) => process.exit((await create([]).requestAdapter()) ? 0 : 1))';
  const { status } = spawnSync(process.execPath, ["-e", probe], { cwd: import.meta.dirname, stdio: "ignore" });
  return status === 0;
}
