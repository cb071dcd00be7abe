// Turns dispatches into submits: several passes' dispatches in one compute pass, cut where a submit would grow too long.

import type { Dispatch } from "./kernel.ts";
import type { GpuSession } from "./session.ts";

/** A copy that runs after the dispatch at `afterIndex`: how a pass is tapped. */
export interface Tap {
  readonly afterIndex: number;
  readonly source: GPUBuffer;
  readonly sourceOffsetBytes: number;
  readonly target: GPUBuffer;
  readonly targetOffsetBytes: number;
  readonly sizeBytes: number;
}

export interface SubmitOptions {
  readonly taps?: readonly Tap[];
  /** Encoded before the first dispatch, into the first submit. */
  readonly prepare?: (encoder: GPUCommandEncoder) => void;
  /** Encoded after the last dispatch, into the last submit. */
  readonly finish?: (encoder: GPUCommandEncoder) => void;
  /** Most dispatches in one submit; keeps a submit short on a slow GPU. */
  readonly maxDispatches?: number;
}

/** Encodes and submits the dispatches in order. Block boundaries are the caller's: cutting never changes a number. */
export function submitDispatches(
  session: GpuSession,
  dispatches: readonly Dispatch[],
  numTokens: number,
  { taps = [], prepare, finish, maxDispatches = Infinity }: SubmitOptions = {},
): void {
  const { device, counters, profiler } = session;
  for (let start = 0; start === 0 || start < dispatches.length;) {
    const end = Math.min(dispatches.length, start + maxDispatches);
    const encoder = device.createCommandEncoder({ label: "pass" });
    if (start === 0) prepare?.(encoder);
    let pass: GPUComputePassEncoder | undefined;
    for (let index = start; index < end; index++) {
      const dispatch = dispatches[index]!;
      pass ??= profiler?.beginPass(encoder, dispatch) ?? encoder.beginComputePass({ label: "pass" });
      encodeDispatch(pass, dispatch, numTokens);
      counters.weightBytes += dispatch.weightBytes;
      const due = taps.filter((tap) => tap.afterIndex === index);
      if (due.length === 0 && !profiler) continue;
      pass.end();
      pass = undefined;
      for (const tap of due) {
        encoder.copyBufferToBuffer(tap.source, tap.sourceOffsetBytes, tap.target, tap.targetOffsetBytes, tap.sizeBytes);
      }
    }
    pass?.end();
    if (end === dispatches.length) finish?.(encoder);
    profiler?.endPasses(encoder);
    device.queue.submit([encoder.finish()]);
    profiler?.readSubmitted();
    counters.submits += 1;
    counters.dispatches += end - start;
    start = Math.max(end, 1);
  }
}

function encodeDispatch(pass: GPUComputePassEncoder, dispatch: Dispatch, numTokens: number): void {
  const [x, y, z] = dispatch.workgroups(numTokens);
  pass.setPipeline(dispatch.kernel.pipeline);
  pass.setBindGroup(0, dispatch.bindGroup);
  pass.dispatchWorkgroups(x, y, z);
}
