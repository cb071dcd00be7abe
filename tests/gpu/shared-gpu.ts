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
  /** Those that are not destroyed: an error is told to each, since nobody knows whose it is. */
  readonly facades: Set<GPUDevice>;
}

/** By features and limits. */
const realDevices = new Map<string, Promise<RealDevice>>();

export async function openSharedGpu(): Promise<SharedGpu> {
  const { gpu } = await openGpu();
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) return null;
    const requestDevice = async (descriptor: GPUDeviceDescriptor = {}) => createFacade(await openReal(gpu, descriptor));
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
      const facades = new Set<GPUDevice>();
      device.onuncapturederror = (event) => {
        for (const facade of facades) facade.onuncapturederror?.call(facade, event);
      };
      return { device, pipelines: new Set(), facades };
    });
    realDevices.set(key, opened);
  }
  return opened;
}

/** What is done with a facade after it was destroyed does nothing, without an error, as with a device that is lost. */
function createFacade({ device, pipelines, facades }: RealDevice): GPUDevice {
  const buffers = new Set<GPUBuffer>();
  let isDestroyed = false;
  let lose: (info: GPUDeviceLostInfo) => void = () => {};
  const destroyed = new Promise<GPUDeviceLostInfo>((resolve) => (lose = resolve));
  const { queue } = device;
  const idle = () => undefined;
  const own = {
    lost: Promise.race([device.lost, destroyed]),
    onuncapturederror: null,
    queue: passOn(queue, {
      get submit() {
        return isDestroyed ? idle : queue.submit.bind(queue);
      },
      get writeBuffer() {
        return isDestroyed ? idle : queue.writeBuffer.bind(queue);
      },
    }),
    createBuffer: (descriptor: GPUBufferDescriptor): GPUBuffer => {
      const buffer = device.createBuffer(descriptor);
      if (isDestroyed) buffer.destroy();
      else buffers.add(buffer);
      return buffer;
    },
    createComputePipelineAsync: async (descriptor: GPUComputePipelineDescriptor): Promise<GPUComputePipeline> => {
      const pipeline = await device.createComputePipelineAsync(descriptor);
      pipelines.add(pipeline);
      return pipeline;
    },
    destroy: (): undefined => {
      isDestroyed = true;
      facades.delete(facade);
      for (const buffer of buffers) buffer.destroy();
      buffers.clear();
      lose({ reason: "destroyed", message: "destroyed" } as GPUDeviceLostInfo);
    },
  };
  const facade = passOn(device, own);
  facades.add(facade);
  return facade;
}

/** An object that has `own` and whatever is set on it, and passes all else on to `target`. */
function passOn<Target extends object>(target: Target, own: object): Target {
  return new Proxy(target, {
    get: (_, name) => {
      if (name in own) return Reflect.get(own, name) as unknown;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
    set: (_, name, value) => Reflect.set(own, name, value),
  });
}
