// Opens WebGPU in Node through the npm package `webgpu` (Dawn), with whatever driver there is.

import { create, globals } from "webgpu";
import { isSoftwareAdapter, nameAdapter } from "../../src/gpu/adapter-name.ts";
import { disabledDawnFeatures, enabledDawnFeatures } from "./dawn-features.ts";
import { slowDawnPolling } from "./dawn-polling.ts";
import { findGpuEnvironment, GPU_READY } from "./gpu-environment.ts";
import { restart } from "./restart.ts";

export interface NodeGpu {
  readonly gpu: GPU;
  /** The adapter, in words. */
  readonly description: string;
  readonly isSoftware: boolean;
}

let opened: NodeGpu | undefined;
/** Dawn crashes when one is collected. */
const instances: GPU[] = [];

/** The process's GPU object, with the Dawn features that RELAMPAGO_DAWN_FEATURES names besides. Where the driver must be named
 * before a process starts, the script is started again with its arguments and this call never returns: call it before
 * anything that a script must not do twice. End scripts with process.exit: Dawn's threads may crash in a slow ending.
 * @throws when there is no adapter, with what to install */
export async function openGpu(): Promise<NodeGpu> {
  if (opened) return opened;
  if (!process.env[GPU_READY]) {
    const environment = findGpuEnvironment();
    if (environment.LD_LIBRARY_PATH) return restart(environment);
    process.env[GPU_READY] = "1";
  }
  Object.assign(globalThis, globals);
  let gpu = createGpu({ isSoftware: false });
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("GPU adapter: expected one, got none. Install a driver for your GPU.");
  const isSoftware = isSoftwareAdapter(adapter.info);
  if (isSoftware) {
    gpu = createGpu({ isSoftware });
    slowDawnPolling();
  }
  opened = { gpu, description: nameAdapter(adapter.info), isSoftware };
  return opened;
}

function createGpu({ isSoftware }: { readonly isSoftware: boolean }): GPU {
  const enabled = enabledDawnFeatures();
  const gpu = create([
    `disable-dawn-features=${disabledDawnFeatures(isSoftware)}`,
    ...(enabled ? [`enable-dawn-features=${enabled}`] : []),
  ]);
  instances.push(gpu);
  return gpu;
}
