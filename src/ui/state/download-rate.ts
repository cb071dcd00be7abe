// How fast bytes arrive: a sliding window over (time, bytes) samples. Knows nothing of what is downloaded.

export interface DownloadSample {
  readonly atMs: number;
  readonly loadedBytes: number;
}

/** Older samples say little about the connection now. */
const WINDOW_MS = 4000;
/** Below this the window is too short for a rate worth showing. */
const MIN_SPAN_MS = 500;

/** Adds a sample and drops those that left the window, but for one at its edge. */
export function addSample(samples: readonly DownloadSample[], sample: DownloadSample): readonly DownloadSample[] {
  const firstInside = samples.findIndex((earlier) => earlier.atMs >= sample.atMs - WINDOW_MS);
  const kept = firstInside === -1 ? samples.slice(-1) : samples.slice(Math.max(0, firstInside - 1));
  return [...kept, sample];
}

/** Bytes per second over the window; null while it is too short or nothing arrived. */
export function bytesPerSecond(samples: readonly DownloadSample[]): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last) return null;
  const spanMs = last.atMs - first.atMs;
  const arrivedBytes = last.loadedBytes - first.loadedBytes;
  return spanMs < MIN_SPAN_MS || arrivedBytes <= 0 ? null : (arrivedBytes / spanMs) * 1000;
}
