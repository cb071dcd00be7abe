// The store's ports in a browser's worker.

import { systemClock } from "./clock.ts";
import { openKeptFiles } from "./kept-files.ts";
import type { StorePorts } from "./weight-store.ts";

export const browserPorts: StorePorts = {
  fetch: (url, options) => fetch(url, options),
  clock: systemClock,
  openKeptFiles,
  get locks() {
    return navigator.locks;
  },
};
