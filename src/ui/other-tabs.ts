// Whether this page runs in other tabs of the browser: each holds a lock for as long as it is open, and says when it comes.

const NAME = "relampago tab";

/** While there are others, whether they are still there. */
const RECOUNT_MS = 5000;

/** Tells how many others there are, now and whenever one comes or goes. Silent where there are no locks. */
export function watchOtherTabs(onCount: (numOthers: number) => void): void {
  const { locks } = navigator as { readonly locks?: LockManager };
  if (!locks || typeof BroadcastChannel === "undefined") return;
  const count = async (): Promise<void> => {
    const { held = [] } = await locks.query();
    const numOthers = Math.max(0, held.filter(({ name }) => name === NAME).length - 1);
    onCount(numOthers);
    clearTimeout(timer);
    if (numOthers > 0) timer = setTimeout(recount, RECOUNT_MS);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const recount = () => void count().catch(() => onCount(0));
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = recount;
  locks
    .request(NAME, { mode: "shared" }, () => {
      recount();
      channel.postMessage("here");
      return new Promise<never>(() => {});
    })
    .catch(() => onCount(0));
}
