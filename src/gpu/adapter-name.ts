// What an adapter is called, and whether it is a GPU at all.

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|warp|software/i;

/** What the adapter tells, in words; may be empty. */
export function nameAdapter({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  return [...new Set([vendor, architecture, description || device])].filter((word) => word !== "").join(" ");
}

/** Whether it computes on the CPU. */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter || SOFTWARE.test(nameAdapter(info));
}
