// Chromium, as the browser tests start it.

import { type Browser, chromium } from "playwright-core";
import { findChromium } from "../../scripts/node/chromium.ts";

/** WebGPU in software where there is no GPU. */
const FLAGS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  // SwiftShader takes seconds to compile each kernel otherwise; scripts/node/gpu.ts says why.
  "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the Chromium that CHROMIUM_PATH names, or an installed one. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error("Chromium: expected one in CHROMIUM_PATH or an installed one, got none");
  return chromium.launch({ executablePath, args: FLAGS });
}
