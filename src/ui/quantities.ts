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

export function formatMillions(count: number): string {
  return `${oneDecimal.format(count / 1e6)} million`;
}
