// Web Locks in memory, for the tabs of one test.

import type { StorePorts } from "../../src/store/weight-store.ts";

interface Holder {
  readonly name: string;
  readonly mode: LockMode;
}

type Callback = (lock: Lock | null) => unknown;

export function createLocks(): NonNullable<StorePorts["locks"]> {
  const held = new Set<Holder>();
  let changed = createSignal();
  const isFree = ({ name, mode }: Holder) =>
    [...held].every((other) => other.name !== name || (mode === "shared" && other.mode === "shared"));

  const request = async (name: string, options: LockOptions, callback: Callback): Promise<unknown> => {
    const holder: Holder = { name, mode: options.mode ?? "exclusive" };
    while (!isFree(holder)) {
      if (options.ifAvailable) return callback(null);
      options.signal?.throwIfAborted();
      const aborted = new Promise((resolve) => options.signal?.addEventListener("abort", resolve));
      await Promise.race([changed.promise, aborted]);
    }
    held.add(holder);
    try {
      return await callback(holder);
    } finally {
      held.delete(holder);
      changed.resolve();
      changed = createSignal();
    }
  };
  return {
    request: request as LockManager["request"],
    query: async () => ({ held: [...held].map(({ name, mode }) => ({ name, mode })), pending: [] }),
  };
}

function createSignal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
