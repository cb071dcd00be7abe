// What this browser and connection are like, before anything is loaded.

import type { Environment } from "./state/life-cycle.ts";

/** Not in every browser, and not in TypeScript's library. */
interface NetworkInformation {
  readonly saveData?: boolean;
  readonly metered?: boolean;
  readonly type?: string;
}

export function readEnvironment(): Environment {
  const { connection, userAgentData } = navigator as Navigator & {
    readonly connection?: NetworkInformation;
    readonly userAgentData?: { readonly mobile: boolean };
  };
  return {
    hasWebGpu: "gpu" in navigator && Boolean(navigator.gpu),
    isSecureContext,
    isPhone: userAgentData?.mobile ?? /Android|iPhone|iPad/.test(navigator.userAgent),
    isMetered: Boolean(connection?.saveData || connection?.metered || connection?.type === "cellular"),
  };
}

/** For what a person chooses; null where the browser refuses it. */
export function findStorage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
