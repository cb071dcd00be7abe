// Chromium for tests and for measuring, with WebGPU.

import { type Browser, chromium } from "playwright-core";
import { findChromium } from "./chromium.ts";
import { disabledDawnFeatures, enabledDawnFeatures } from "./dawn-features.ts";
import { findGpuEnvironment } from "./gpu-environment.ts";

/** Known once it was looked for. */
let hasGpu: boolean | undefined;

/** For a GPU without a display. */
const LINUX_GPU_FLAGS = ["--enable-features=Vulkan", "--use-angle=vulkan", "--disable-vulkan-surface"];

export interface LaunchOptions {
  /** `software`: Chromium's own, for tests, which stop answers that a GPU would have ended before. `gpu`: this machine's GPU;
   * Chromium's own where there is none. */
  readonly adapter: "software" | "gpu";
}

/** Starts the Chromium that CHROMIUM_PATH names, or an installed one.
 * @throws when there is none */
export async function launchChromium({ adapter }: LaunchOptions): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error("Chromium: expected one in CHROMIUM_PATH or an installed one, got none");
  if (adapter === "gpu") hasGpu ??= findGpuEnvironment().VK_DRIVER_FILES === undefined;
  const isSoftware = adapter === "software" || !hasGpu;
  const adapterFlags = isSoftware
    ? ["--use-webgpu-adapter=swiftshader"]
    : ["--ignore-gpu-blocklist", ...(process.platform === "linux" ? LINUX_GPU_FLAGS : [])];
  const enabled = enabledDawnFeatures();
  return chromium.launch({
    executablePath,
    // Ctrl-C ends a benchmark with what there is.
    handleSIGINT: false,
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      `--disable-dawn-features=${disabledDawnFeatures(isSoftware)}`,
      ...(enabled ? [`--enable-dawn-features=${enabled}`] : []),
      ...adapterFlags,
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
