// Tabs over one server, one disk and one set of locks, new for each test.

import { afterEach, beforeEach } from "vitest";
import { MANIFEST_FILE } from "../../src/checkpoint/manifest.ts";
import type { StorePorts } from "../../src/store/weight-store.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";
import { type MadeModel, makeModel } from "./made-model.ts";
import { createDisk, type MemoryDisk } from "./memory-folder.ts";
import { createLocks } from "./memory-locks.ts";
import { openTab, type Tab, type TabOptions } from "./tab.ts";

export const [first, second] = [makeModel(1), makeModel(2)];
export const NAMES = [...first.files.keys()];
export const HASHED = first.hashed.map(({ file }) => file);

export interface TabSetup {
  server: FaultServer;
  disk: MemoryDisk;
  locks: NonNullable<StorePorts["locks"]>;
  /** By name, as the server has them now: those of the first version. */
  files: Map<string, Uint8Array>;
  open(options?: Partial<TabOptions>): Promise<Tab>;
  /** Loads the first version, closes the tab and forgets the requests. */
  visit(): Promise<void>;
  namesOnDisk(): string[];
}

export function useTabs(): TabSetup {
  const setup = {} as TabSetup;
  setup.open = (options = {}) => openTab({ server: setup.server, locks: setup.locks, disk: setup.disk, ...options });
  setup.visit = async () => {
    const tab = await setup.open();
    await tab.load(first);
    tab.store.close();
    setup.server.requests.length = 0;
  };
  setup.namesOnDisk = () => [...setup.disk.files.keys()].sort();
  beforeEach(async () => {
    setup.files = new Map(first.files);
    setup.server = await startFaultServer(setup.files);
    setup.disk = createDisk();
    setup.locks = createLocks();
  });
  afterEach(() => setup.server.close());
  return setup;
}

/** What the disk holds when the model is kept and nothing else. */
export function keptNames({ hashed }: MadeModel): string[] {
  return [MANIFEST_FILE, ...hashed.map(({ sha256 }) => sha256)].sort();
}
