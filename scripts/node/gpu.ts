// Opens WebGPU in Node through the npm package `webgpu` (Dawn), with whatever driver there is.

import { create, globals } from "webgpu";
import { isSoftwareAdapter, nameAdapter } from "../../src/gpu/adapter-name.ts";
import { slowDawnPolling } from "./dawn-polling.ts";
import { findGpuEnvironment, GPU_READY } from "./gpu-environment.ts";
import { restart } from "./restart.ts";

export interface NodeGpu {
  readonly gpu: GPU;
  /** The adapter, in words. */
  readonly description: string;
  readonly isSoftware: boolean;
}

// SwiftShader clears workgroup memory word by word in code that takes seconds to compile for each kernel; without this
// extension Dawn clears it by a loop, which takes milliseconds.
// Timestamps come unrounded.
const DAWN_FLAGS = [
  "disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension,timestamp_quantization",
];

let opened: NodeGpu | undefined;

/** The process's GPU object, with the Dawn features that RELAMPAGO_DAWN_FEATURES names besides; it stays referenced, or Dawn crashes. Where the driver must be named before a process
 * starts, the script is started again with its arguments and this call never returns: call it before anything that a
 * script must not do twice. End scripts with process.exit: Dawn's threads may crash in a slow ending.
 * @throws when there is no adapter, with what to install */
export async function openGpu(): Promise<NodeGpu> {
  if (opened) return opened;
  if (!process.env[GPU_READY]) {
    const environment = findGpuEnvironment();
    if (environment.LD_LIBRARY_PATH) return restart(environment);
    process.env[GPU_READY] = "1";
  }
  Object.assign(globalThis, globals);
  const wanted = process.env.RELAMPAGO_DAWN_FEATURES;
  const gpu = create([...DAWN_FLAGS, ...(wanted ? [`enable-dawn-features=${wanted}`] : [])]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("GPU adapter: expected one, got none. Install a driver for your GPU.");
  const isSoftware = isSoftwareAdapter(adapter.info);
  if (isSoftware) slowDawnPolling();
  opened = { gpu, description: nameAdapter(adapter.info), isSoftware };
  return opened;
}
