// What was measured while a document was read, thinned out as it grows: for charts, and to be kept with the document.

import type { ReadingBytes } from "./reading.ts";

/** A moment of the reading, measured. */
export interface ReadingPoint extends ReadingBytes {
  readonly numTokens: number;
  /** Since the point before. */
  readonly msPerToken: number;
}

/** More than a chart has pixels for would only be slow. */
const MAX_POINTS = 512;

/** The points of one reading; past MAX_POINTS, each two neighbors become one. */
export class ReadingRecord {
  #points: ReadingPoint[] = [];
  /** Points as they come that make one that is kept. */
  #stride = 1;
  #pending: ReadingPoint[] = [];

  /** @param points of an earlier visit, to go on from */
  constructor(points: readonly ReadingPoint[] = []) {
    this.#points = [...points];
  }

  /** What is read a second time, after the GPU was lost, counts no more. */
  add(point: ReadingPoint): void {
    const last = this.#pending.at(-1) ?? this.#points.at(-1);
    if (last && point.numTokens <= last.numTokens) return;
    this.#pending.push(point);
    if (this.#pending.length < this.#stride) return;
    this.#points.push(this.#merge(this.#pending));
    this.#pending = [];
    if (this.#points.length <= MAX_POINTS) return;
    const halved: ReadingPoint[] = [];
    for (let index = 0; index < this.#points.length; index += 2) {
      halved.push(this.#merge(this.#points.slice(index, index + 2), halved.at(-1)));
    }
    this.#points = halved;
    this.#stride *= 2;
  }

  /** All points, also those that are not merged yet. */
  get points(): readonly ReadingPoint[] {
    return this.#pending.length > 0 ? [...this.#points, this.#merge(this.#pending)] : [...this.#points];
  }

  /** The bytes of the last, and the time of all, each weighed by its tokens. */
  #merge(points: readonly ReadingPoint[], before = this.#points.at(-1)): ReadingPoint {
    let from = before && before.numTokens < points[0].numTokens ? before.numTokens : 0;
    let [elapsedMs, numTokens] = [0, 0];
    for (const point of points) {
      elapsedMs += point.msPerToken * (point.numTokens - from);
      numTokens += point.numTokens - from;
      from = point.numTokens;
    }
    return { ...points.at(-1)!, msPerToken: elapsedMs / numTokens };
  }
}
