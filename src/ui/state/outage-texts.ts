// What is said while a GPU that failed is brought back: one calm line.

import type { Failure } from "../../worker/messages-engine.ts";

export function outageText({ kind }: Failure): string {
  switch (kind) {
    case "out-of-memory":
      return "The GPU’s memory ran out; restoring…";
    case "gpu-hung":
      return "The GPU stopped answering; restoring…";
    case "gpu-error":
      return "The GPU refused a command; restoring…";
    default:
      return "The GPU was lost; restoring…";
  }
}
