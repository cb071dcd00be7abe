// The adapter to use.

/** Milliseconds to wait before asking once more. A browser whose GPU process is still starting, as when the page is in its
 * first tab, offers none for about half a second (Chromium 156 on Linux). */
const WAITS_MS = [250, 500, 1000];

/** The fastest adapter; null when none is offered for 1.75 seconds. */
export async function requestAdapter(gpu: Pick<GPU, "requestAdapter">): Promise<GPUAdapter | null> {
  const ask = () => gpu.requestAdapter({ powerPreference: "high-performance" });
  let adapter = await ask();
  for (const waitMs of WAITS_MS) {
    if (adapter) break;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    adapter = await ask();
  }
  return adapter;
}
