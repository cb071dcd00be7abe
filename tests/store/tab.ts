// A tab that loads a model through the store, as the engine does.

import { expect } from "vitest";
import { MANIFEST_FILE, parseManifest } from "../../src/checkpoint/manifest.ts";
import type { KeptFiles } from "../../src/store/kept-files.ts";
import { createPrivateFiles } from "../../src/store/private-files.ts";
import type { Pause } from "../../src/store/retries.ts";
import { type ByteOrigin, type Keeping, type StorePorts, WeightStore } from "../../src/store/weight-store.ts";
import type { FaultServer } from "./fault-server.ts";
import type { MadeModel } from "./made-model.ts";
import { type MemoryDisk, openFolder } from "./memory-folder.ts";
import { createTestClock } from "./test-clock.ts";

export interface Tab {
  readonly store: WeightStore;
  readonly pauses: Pause[];
  /** Where bytes came from, in order, each once in a row. */
  readonly origins: ByteOrigin[];
  readonly keeping: Keeping[];
  readonly clock: ReturnType<typeof createTestClock>;
  /** Loads all files, and checks that they are those of the model. */
  load(model: MadeModel, signal?: AbortSignal): Promise<void>;
}

export interface TabOptions {
  readonly server: FaultServer;
  readonly locks: StorePorts["locks"];
  /** null: the browser keeps nothing. */
  readonly disk: MemoryDisk | null;
  /** See openFolder. */
  readonly numSteps?: number;
  readonly keptFiles?: KeptFiles;
  readonly fetch?: StorePorts["fetch"];
}

export async function openTab({ server, locks, disk, numSteps, keptFiles, ...options }: TabOptions): Promise<Tab> {
  const clock = createTestClock();
  const [pauses, origins, keeping]: [Pause[], ByteOrigin[], Keeping[]] = [[], [], []];
  const files = keptFiles ?? (disk ? createPrivateFiles(openFolder(disk, numSteps)) : undefined);
  const ports: StorePorts = {
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    clock,
    openKeptFiles: () => Promise.resolve(files),
    locks,
  };
  const store = await WeightStore.open(server.url, ports, {
    onPause: (pause) => {
      pauses.push(pause);
      queueMicrotask(() => clock.advance(pause.ms));
    },
    onResume: () => {},
    onOrigin: (origin) => {
      if (origin !== origins.at(-1)) origins.push(origin);
    },
    onKeeping: (next) => keeping.push(next),
  });
  const load = async (model: MadeModel, signal?: AbortSignal): Promise<void> => {
    const manifest = parseManifest(await store.readJson(MANIFEST_FILE, signal));
    expect(manifest).toEqual(model.manifest);
    for (const file of [...manifest.shards, ...manifest.files]) {
      const bytes = await store.read(file, { signal, onBytes: server.tellReceived });
      expect(Buffer.compare(bytes, model.files.get(file.file)!), file.file).toBe(0);
    }
    await store.keepVersion(manifest);
  };
  return { store, pauses, origins, keeping, clock, load };
}
