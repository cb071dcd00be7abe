// What a dispatch costs that does next to nothing: the floor under every pass, however small its work.

import type { Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { submitDispatches } from "../gpu/submit.ts";
import { createIncrement } from "../kernels/increment.ts";
import type { LaunchCost } from "./result.ts";
import { summarise } from "./summary.ts";

/** Dispatches of the long submit; the short one has a single one. */
const NUM_DISPATCHES = 2000;
const WARM_UP_RUNS = 2;

/** Times a submit of many dependent dispatches against one of a single dispatch: the difference is the launches'. */
export async function measureLaunchCost(session: GpuSession, runs: number): Promise<LaunchCost> {
  const count = session.createStorage("launch count", "activations", [1]);
  const dispatch = (await createIncrement(session))("increment", count);
  const dispatchUs: number[] = [];
  const roundTripMs: number[] = [];
  for (let run = 0; run < WARM_UP_RUNS + runs; run++) {
    const oneMs = await time(session, [dispatch]);
    const manyMs = await time(
      session,
      Array.from({ length: NUM_DISPATCHES }, () => dispatch),
    );
    if (run < WARM_UP_RUNS) continue;
    roundTripMs.push(oneMs);
    dispatchUs.push((1000 * Math.max(0, manyMs - oneMs)) / (NUM_DISPATCHES - 1));
  }
  session.destroyBuffer(count.buffer);
  return { dispatchUs: summarise(dispatchUs), roundTripMs: summarise(roundTripMs) };
}

async function time(session: GpuSession, dispatches: readonly Dispatch[]): Promise<number> {
  const start = performance.now();
  submitDispatches(session, dispatches, 1);
  await session.device.queue.onSubmittedWorkDone();
  return performance.now() - start;
}
