// Chromium for measuring: WebGPU on this machine's GPU where there is one, else on Chromium's software adapter.

import { type Browser, chromium } from "playwright-core";
import { findChromium } from "../node/chromium.ts";
import { findGpuEnvironment } from "../node/gpu-environment.ts";

/** Dawn's switches, off in both: timestamps are rounded by the one; the other one as in scripts/node/gpu.ts. */
const DISABLED_DAWN_FEATURES = "timestamp_quantization,use_vulkan_zero_initialize_workgroup_memory_extension";
/** For a GPU without a display. */
const LINUX_GPU_FLAGS = ["--enable-features=Vulkan", "--use-angle=vulkan", "--disable-vulkan-surface"];

/** With the Dawn features that RELAMPAGO_DAWN_FEATURES names besides, as in scripts/node/gpu.ts.
 * @throws when there is no Chromium, with where it was looked for */
export async function launchChromium(flags: readonly string[] = []): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error("Chromium: expected one in CHROMIUM_PATH or an installed one, got none");
  const isSoftware = findGpuEnvironment().VK_DRIVER_FILES !== undefined;
  const adapterFlags = isSoftware
    ? ["--use-webgpu-adapter=swiftshader"]
    : ["--ignore-gpu-blocklist", ...(process.platform === "linux" ? LINUX_GPU_FLAGS : [])];
  const wanted = process.env.RELAMPAGO_DAWN_FEATURES;
  return chromium.launch({
    executablePath,
    // Ctrl-C ends the benchmark with what there is.
    handleSIGINT: false,
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      `--disable-dawn-features=${DISABLED_DAWN_FEATURES}`,
      "--disable-background-networking",
      "--disable-component-update",
      ...(wanted ? [`--enable-dawn-features=${wanted}`] : []),
      ...adapterFlags,
      ...flags,
    ],
  });
}
