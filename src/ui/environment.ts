// What this browser and connection are like, before anything is loaded.

import type { Environment } from "./state/life-cycle.ts";

/** Not in every browser, and not in TypeScript's library. */
interface NetworkInformation {
  readonly saveData?: boolean;
  readonly metered?: boolean;
  readonly type?: string;
}

export function readEnvironment(): Environment {
  const { connection } = navigator as Navigator & { readonly connection?: NetworkInformation };
  return {
    hasWebGpu: "gpu" in navigator && Boolean(navigator.gpu),
    isSecureContext,
    isMetered: Boolean(connection?.saveData || connection?.metered || connection?.type === "cellular"),
  };
}
