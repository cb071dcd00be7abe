import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectShape, type Tensor } from "../gpu/tensor.ts";

export interface SampleConstants {
  readonly vocabSize: number;
}

export interface SampleTensors {
  readonly call: Tensor;
  /** Advanced in place. */
  readonly step: Tensor;
  /** (1, vocabSize), in a buffer of whole vec4s; changed in place when a bias or penalty is on. */
  readonly logits: Tensor;
  /** (vocabSize) u32, draws since the prompt and IN_PROMPT; incremented in place. */
  readonly tokenCounts: Tensor;
}

const WORKGROUP_SIZE = 256;
const BYTES_PER_VEC4 = 16;

/** Compiles `sample`. */
export async function createSample(session: GpuSession, { vocabSize }: SampleConstants) {
  const kernel = await compileKernel(
    session,
    {
      name: "sample",
      appends: [
        "common/call",
        "common/step",
        "common/philox",
        "common/prefix_sum",
        "common/smallest_kept",
        "common/sortable",
        "common/token_counts",
      ],
      bindings: ["uniform", "read_write", "read_write", "read_write"],
    },
    { WORKGROUP_SIZE, VOCAB_SIZE: vocabSize },
  );
  return (label: string, { call, step, logits, tokenCounts }: SampleTensors): Dispatch => {
    expectShape(logits, [1, vocabSize]);
    expectShape(tokenCounts, [vocabSize]);
    const sizeBytes = Math.ceil(logits.sizeBytes / BYTES_PER_VEC4) * BYTES_PER_VEC4;
    const quads: Tensor = { ...logits, sizeBytes };
    return createDispatch(session, kernel, label, [call, step, quads, tokenCounts], () => [1, 1, 1]);
  };
}
