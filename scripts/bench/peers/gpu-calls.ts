// Counts what a page asks of WebGPU. Runs in the browser.

export interface GpuCalls {
  dispatches: number;
  passes: number;
  submits: number;
  /** Waits for the GPU: mapAsync. */
  maps: number;
  buffers: number;
}

/** The counts of this page (its workers not), which go on from now. */
export function countGpuCalls(): GpuCalls {
  const calls: GpuCalls = { dispatches: 0, passes: 0, submits: 0, maps: 0, buffers: 0 };
  const count = (owner: object, method: string, key: keyof GpuCalls): void => {
    const methods = owner as Record<string, (...args: unknown[]) => unknown>;
    const original = methods[method]!;
    methods[method] = function (this: unknown, ...args: unknown[]) {
      calls[key]++;
      return original.apply(this, args);
    };
  };
  count(GPUComputePassEncoder.prototype, "dispatchWorkgroups", "dispatches");
  count(GPUComputePassEncoder.prototype, "dispatchWorkgroupsIndirect", "dispatches");
  count(GPUCommandEncoder.prototype, "beginComputePass", "passes");
  count(GPUQueue.prototype, "submit", "submits");
  count(GPUBuffer.prototype, "mapAsync", "maps");
  count(GPUDevice.prototype, "createBuffer", "buffers");
  return calls;
}
