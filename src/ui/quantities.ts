// How numbers are written on the page: each with its unit. 1 MB is a million bytes.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export function formatCount(count: number): string {
  return whole.format(count);
}

/** Megabytes without their unit: a decimal below 100. */
export function formatMegabytes(bytes: number): string {
  const megabytes = bytes / 1e6;
  return (megabytes < 99.95 ? oneDecimal : whole).format(megabytes);
}

export function formatBytes(bytes: number): string {
  if (bytes >= 1e9) return `${oneDecimal.format(bytes / 1e9)} GB`;
  if (bytes >= 1e5 || bytes === 0) return `${formatMegabytes(bytes)} MB`;
  return `${oneDecimal.format(bytes / 1e3)} kB`;
}

/** What a text's state takes: kilobytes up to ten megabytes, so that small ones can be told apart. */
export function formatStateBytes(bytes: number): string {
  return bytes < 1e7 ? `${oneDecimal.format(bytes / 1e3)} kB` : formatBytes(bytes);
}

export function formatSpeed(tokensPerSecond: number): string {
  return `${(tokensPerSecond < 99.95 ? oneDecimal : whole).format(tokensPerSecond)} tokens/s`;
}

/** A measured time: milliseconds below a second. */
export function formatElapsed(elapsedMs: number): string {
  return elapsedMs < 999.5 ? `${whole.format(elapsedMs)} ms` : `${oneDecimal.format(elapsedMs / 1000)} s`;
}

/** A time to wait, which is never exact: whole seconds, above a minute whole minutes. */
export function formatWait(seconds: number): string {
  const rounded = Math.max(1, Math.round(seconds));
  return rounded < 60 ? `${rounded}\u00a0s` : `${Math.round(rounded / 60)}\u00a0min`;
}

/** Bytes beside an axis: no decimal where there is nothing to tell. */
export function formatBytesTick(bytes: number): string {
  return bytes === 0 ? "0" : formatBytes(bytes).replace(/\.0(?= )/, "");
}

/** A count beside an axis: 20k, 1M. */
export function formatShortCount(count: number): string {
  const short = (scaled: number, unit: string): string => `${Number(scaled.toFixed(2))}${unit}`;
  return count >= 1e6 ? short(count / 1e6, "M") : count >= 1e3 ? short(count / 1e3, "k") : String(count);
}

/** What a token took. */
export function formatMsPerToken(ms: number): string {
  if (ms === 0) return "0";
  if (ms < 0.1) return `${oneDecimal.format(1000 * ms)} µs`;
  return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? oneDecimal.format(ms) : whole.format(ms)} ms`;
}

/** A time from seconds to hours, which is an estimate. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 90) return `${whole.format(Math.max(1, Math.round(seconds)))}\u00a0s`;
  if (seconds < 90 * 60) return `${whole.format(Math.round(seconds / 60))}\u00a0min`;
  return `${oneDecimal.format(seconds / 3600)}\u00a0h`;
}

export function formatMillions(count: number): string {
  return `${oneDecimal.format(count / 1e6)} million`;
}
