// What a GPU is called, as far as the browser tells.

import type { ReadyModel } from "../worker/messages-model.ts";

export function nameGpu({ vendor, architecture, description }: ReadyModel["gpu"]): string {
  return description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed GPU";
}
