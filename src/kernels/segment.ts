// The uniform of one KV segment. Field order is that of shaders/common/segment.wgsl.

import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";

export interface Segment {
  /** Position of the token that comes first to its first slot. */
  readonly start: number;
  /** Slots, a token each. */
  readonly length: number;
  /** Among the sequence's segments. */
  readonly index: number;
}

const SEGMENT_WORDS = 4;

/** Creates the uniform and writes it; a segment never changes. */
export function createSegment(session: GpuSession, label: string, { start, length, index }: Segment): Tensor {
  const uniform = session.createUniform(label, SEGMENT_WORDS);
  session.device.queue.writeBuffer(uniform.buffer, uniform.offsetBytes, new Uint32Array([start, length, index, 0]));
  return uniform;
}
