// What a download, a pause in it and its end in storage are called on the page: each one calm line.

import type { ByteOrigin, Keeping, PauseProblem } from "../../worker/messages-model.ts";

/** Why nothing comes at the moment. */
export const PAUSE_TEXTS: Readonly<Record<PauseProblem, string>> = {
  "no-answer": "There is no connection to the server.",
  cut: "The connection broke off.",
  stalled: "Nothing has arrived for a while.",
  busy: "The server is busy.",
  missing: "The server has no such file.",
  "web-page": "A web page came instead: your network may want a sign-in.",
  damaged: "What arrived was damaged.",
};

/** Where bytes come from, when it is not the network. */
export const ORIGIN_TEXTS: Readonly<Record<Exclude<ByteOrigin, "network">, string>> = {
  storage: "from this browser’s storage",
  "other-tab": "another tab is fetching them",
};

/** What the next visit will find. */
export const KEEPING_TEXTS: Readonly<Record<Keeping, string>> = {
  kept: "Kept in this browser’s storage.",
  "no-storage": "Not kept for the next visit: this browser offers no storage here, as in a private window.",
  full: "Not kept for the next visit: this browser’s storage is full.",
  failed: "Not kept for the next visit: this browser’s storage does not work.",
};
