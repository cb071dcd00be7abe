// What a race says: how each cost grows with the text, and where one model begins to need more than another. Knows numbers,
// no GPU.

import { type Crossing, crossingsOfMeasured, crossingsOfSizes, describeCrossing } from "./crossing.ts";
import { fitPower, type PowerFit } from "./power-fit.ts";
import type { RaceLane } from "./race-result.ts";
import { stateBytesAt } from "./state-size.ts";

/** A quantity of a race; `cost` is what stands in "needs … than". */
export interface Quantity {
  readonly name: string;
  readonly cost: string;
  /** Where it was measured, and what it was there. */
  readonly pointsOf: (lane: RaceLane) => readonly (readonly [number, number])[];
}

export const MEMORY: Quantity = {
  name: "bytes of state and keys",
  cost: "more memory",
  pointsOf: ({ reads }) => reads.map(({ position, used }) => [position, used.recurrentState + used.keys]),
};
export const READING: Quantity = {
  name: "reading, ms in all",
  cost: "more time to read",
  pointsOf: ({ reads }) => reads.map(({ position, elapsedMs }) => [position, elapsedMs]),
};
export const WRITING: Quantity = {
  name: "writing, ms a token",
  cost: "more time for a written token",
  pointsOf: ({ writes }) => writes.map(({ position, msPerToken }) => [position, msPerToken]),
};

/** cost ~ length^exponent of each lane, in their order; undefined where too little was measured. */
export function fitLanes(lanes: readonly RaceLane[], { pointsOf }: Quantity): readonly (PowerFit | undefined)[] {
  return lanes.map((lane) => {
    const points = pointsOf(lane);
    return fitPower(
      points.map(([length]) => length),
      points.map(([, cost]) => cost),
    );
  });
}

/** By the configs alone, to the token. */
export function memoryCrossings(lanes: readonly RaceLane[]): readonly Crossing[] {
  return crossingsOfSizes(lanes.map(({ name, stateSize }) => ({ name, ...stateSize })));
}

/** Of measured times, at the positions where all lanes were measured. */
export function timeCrossings(lanes: readonly RaceLane[], { pointsOf }: Quantity): readonly Crossing[] {
  const measured = lanes.map((lane) => new Map(pointsOf(lane)));
  const positions = [...(measured[0]?.keys() ?? [])].filter((position) => measured.every((own) => own.has(position)));
  return crossingsOfMeasured(
    positions,
    lanes.map(({ name }, index) => ({
      name,
      values: positions.map((position) => measured[index]!.get(position)!),
    })),
  );
}

/** What is said below a chart: each crossing, or that there is none up to the end of what was measured. */
export function crossingSentences(
  lanes: readonly RaceLane[],
  quantity: Quantity,
  crossings: readonly Crossing[],
): readonly string[] {
  if (crossings.length > 0) return crossings.map((crossing) => describeCrossing(crossing, quantity.cost));
  if (lanes.length < 2) return [];
  const last = Math.max(0, ...lanes.flatMap((lane) => quantity.pointsOf(lane).map(([position]) => position)));
  const upTo = new Intl.NumberFormat("en").format(last);
  return last === 0 ? [] : [`No line crosses another for good up to token ${upTo}.`];
}

/** Whether every point uses exactly what the config says. */
export function isAsComputed({ reads, stateSize }: RaceLane): boolean {
  return reads.every(({ position, used }) => used.recurrentState + used.keys === stateBytesAt(stateSize, position));
}
