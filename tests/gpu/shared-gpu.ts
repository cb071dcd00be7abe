// A GPU whose devices are shared behind the scenes: pipelines that one test has compiled are there for the next, in all files
// of a process. A software adapter takes seconds to compile a model's kernels. Nothing else is shared: who destroys a device
// frees its own buffers, and it is lost to nobody else. Tests that lose devices take real ones.

import { openGpu } from "../../scripts/node/gpu.ts";

/** What an engine needs of `navigator.gpu`. */
export type SharedGpu = Pick<GPU, "requestAdapter">;

interface RealDevice {
  readonly device: GPUDevice;
  /** Held, so that the driver's compiled code is found again. */
  readonly pipelines: Set<GPUComputePipeline>;
}

/** By features and limits. */
const realDevices = new Map<string, Promise<RealDevice>>();

export async function openSharedGpu(): Promise<SharedGpu> {
  const { gpu } = await openGpu();
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) return null;
    const requestDevice = async (descriptor: GPUDeviceDescriptor = {}) => shareDevice(await openReal(gpu, descriptor));
    const { info, features, limits } = adapter;
    return { info, features, limits, requestDevice } as unknown as GPUAdapter;
  };
  return { requestAdapter };
}

function openReal(gpu: GPU, descriptor: GPUDeviceDescriptor): Promise<RealDevice> {
  const key = JSON.stringify([[...(descriptor.requiredFeatures ?? [])].toSorted(), descriptor.requiredLimits]);
  let opened = realDevices.get(key);
  if (!opened) {
    // An adapter gives one device.
    opened = gpu.requestAdapter().then(async (adapter) => {
      const device = await adapter!.requestDevice(descriptor);
      void device.lost.then(() => realDevices.delete(key));
      return { device, pipelines: new Set() };
    });
    realDevices.set(key, opened);
  }
  return opened;
}

function shareDevice({ device, pipelines }: RealDevice): GPUDevice {
  const buffers = new Set<GPUBuffer>();
  let lose: (info: GPUDeviceLostInfo) => void = () => {};
  const destroyed = new Promise<GPUDeviceLostInfo>((resolve) => (lose = resolve));
  const own: Partial<GPUDevice> = {
    lost: Promise.race([device.lost, destroyed]),
    createBuffer: (descriptor) => {
      const buffer = device.createBuffer(descriptor);
      buffers.add(buffer);
      return buffer;
    },
    createComputePipelineAsync: async (descriptor) => {
      const pipeline = await device.createComputePipelineAsync(descriptor);
      pipelines.add(pipeline);
      return pipeline;
    },
    destroy: () => {
      for (const buffer of buffers) buffer.destroy();
      buffers.clear();
      lose({ reason: "destroyed", message: "destroyed" } as GPUDeviceLostInfo);
      return undefined;
    },
  };
  return new Proxy(device, {
    get: (target, name) => {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name) as unknown;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}
