// Which of Dawn's own features are switched, in Node and in Chromium alike.

/** Timestamps come unrounded. SwiftShader clears workgroup memory word by word in code that takes seconds to compile for each
 * kernel; without that extension Dawn clears it by a loop, which takes milliseconds. GPUs keep it, as browsers have it. */
export function disabledDawnFeatures(isSoftware: boolean): string {
  return [
    "timestamp_quantization",
    ...(isSoftware ? ["use_vulkan_zero_initialize_workgroup_memory_extension"] : []),
  ].join();
}

/** Those that RELAMPAGO_DAWN_FEATURES names: what a driver has but browsers do not offer by themselves. */
export function enabledDawnFeatures(): string | undefined {
  return process.env.RELAMPAGO_DAWN_FEATURES || undefined;
}
