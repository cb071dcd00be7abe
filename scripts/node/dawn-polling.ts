// How often Dawn's Node binding asks whether a GPU is done.

const POLL_MS = 1;

/** While it waits for a GPU, Dawn's binding asks once in every round of the event loop, through the global `setImmediate`:
 * that takes a whole core. From here on it asks once a millisecond and leaves the core to others, a software adapter above
 * all. Everybody else's `setImmediate` stays as it is. */
export function slowDawnPolling(): void {
  const { setImmediate, setTimeout } = globalThis;
  const schedule = (callback: (...given: unknown[]) => void, ...given: unknown[]) =>
    isNative(callback) ? setTimeout(callback, POLL_MS, ...given) : setImmediate(callback, ...given);
  Object.assign(globalThis, { setImmediate: Object.assign(schedule, setImmediate) });
}

/** Whether the function is a binding's: it has no name and no source. A bound function has a name, and what settles a promise
 * takes an argument and is no constructor. */
function isNative(callback: (...given: unknown[]) => void): boolean {
  const hasNoSource = callback.name === "" && String(callback).endsWith("{ [native code] }");
  return hasNoSource && callback.length === 0 && Object.hasOwn(callback, "prototype");
}
