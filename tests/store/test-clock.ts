// A clock that stands still until a test moves it.

import type { Clock } from "../../src/store/clock.ts";

export interface TestClock extends Clock {
  /** Wakes those whose time has come. */
  advance(ms: number): void;
}

interface Sleeper {
  readonly wakeMs: number;
  readonly wake: () => void;
}

export function createTestClock(): TestClock {
  let nowMs = 0;
  const sleepers = new Set<Sleeper>();
  return {
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper: Sleeper = { wakeMs: nowMs + ms, wake: resolve };
        sleepers.add(sleeper);
        signal.addEventListener("abort", () => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        });
      }),
    advance: (ms) => {
      nowMs += ms;
      for (const sleeper of [...sleepers]) {
        if (sleeper.wakeMs > nowMs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}
