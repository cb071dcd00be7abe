// What was measured while a document was read, as charts take it.

import type { ReadingPoint } from "../../document/reading-record.ts";

export interface ReadingSeries {
  /** (num_points) each, ascending. */
  readonly numTokens: Float64Array;
  readonly msPerToken: Float64Array;
  readonly stateBytes: Float64Array;
  readonly keyUsedBytes: Float64Array;
  readonly keyAllocatedBytes: Float64Array;
  readonly weightBytes: Float64Array;
}

export function seriesOf(points: readonly ReadingPoint[]): ReadingSeries {
  const column = (name: keyof ReadingPoint) => Float64Array.from(points, (point) => point[name]);
  return {
    numTokens: column("numTokens"),
    msPerToken: column("msPerToken"),
    stateBytes: column("stateBytes"),
    keyUsedBytes: column("keyUsedBytes"),
    keyAllocatedBytes: column("keyAllocatedBytes"),
    weightBytes: column("weightBytes"),
  };
}

export const NO_SERIES: ReadingSeries = seriesOf([]);
