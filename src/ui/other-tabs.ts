// Whether this page runs in other tabs of the browser: each holds a lock for as long as it is open, and says when it comes.

const NAME = "relampago tab";

/** Tells how many others there are, now and whenever one comes or this tab is looked at. Silent where there are no locks. */
export function watchOtherTabs(onCount: (numOthers: number) => void): void {
  const { locks } = navigator as { readonly locks?: LockManager };
  if (!locks || typeof BroadcastChannel === "undefined") return;
  const count = async (): Promise<void> => {
    const { held = [] } = await locks.query();
    onCount(Math.max(0, held.filter(({ name }) => name === NAME).length - 1));
  };
  const recount = () => void count().catch(() => onCount(0));
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = recount;
  // A tab that goes says so before its lock is free.
  addEventListener("pagehide", () => channel.postMessage("gone"));
  document.addEventListener("visibilitychange", recount);
  locks
    .request(NAME, { mode: "shared" }, () => {
      recount();
      channel.postMessage("here");
      return new Promise<never>(() => {});
    })
    .catch(() => onCount(0));
}
