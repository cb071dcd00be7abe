// What `shaders/common/kv_i8.wgsl` stores of a row, in float64.

import type { Numbers } from "../vector.ts";

export interface KvI8Row {
  /** f32 */
  readonly scale: number;
  /** From -127 to 127, (head_dim) */
  readonly bytes: Int8Array;
}

/** scale = max |x| / 127, byte = round(x / scale). @param row one head's key or value of one token, (head_dim) */
export function kvI8(row: Numbers): KvI8Row {
  const largest = Array.from(row).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = Math.fround(Math.fround(largest) * Math.fround(1 / 127));
  const bytes = Array.from(row, (value) =>
    scale === 0 ? 0 : Math.max(-127, Math.min(127, roundHalfEven(value / scale))),
  );
  return { scale, bytes: Int8Array.from(bytes) };
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}
