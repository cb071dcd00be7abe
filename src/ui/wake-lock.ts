// Keeps the screen on while something long is done, where the browser can.

import { useEffect } from "preact/hooks";

/** A lock ends when the page is hidden; it is asked for again when the page is back. */
export function useWakeLock(isWanted: boolean): void {
  useEffect(() => {
    if (!isWanted || !("wakeLock" in navigator)) return;
    let lock: WakeLockSentinel | undefined;
    let isOver = false;
    const request = async (): Promise<void> => {
      if (document.visibilityState === "hidden") return;
      try {
        const granted = await navigator.wakeLock.request("screen");
        if (isOver) await granted.release();
        else lock = granted;
      } catch {
        // Refused, as on a low battery: the screen may go dark.
        lock = undefined;
      }
    };
    const renew = (): void => void request();
    renew();
    document.addEventListener("visibilitychange", renew);
    return () => {
      isOver = true;
      document.removeEventListener("visibilitychange", renew);
      void lock?.release();
    };
  }, [isWanted]);
}
