import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectShape, type Tensor } from "../gpu/tensor.ts";

export interface MarkPromptConstants {
  readonly vocabSize: number;
}

export interface MarkPromptTensors {
  readonly call: Tensor;
  readonly step: Tensor;
  /** (vocabSize) u32, changed in place. */
  readonly tokenCounts: Tensor;
}

const WORKGROUP_SIZE = 256;

/** Compiles `mark_prompt`. */
export async function createMarkPrompt(session: GpuSession, { vocabSize }: MarkPromptConstants) {
  const kernel = await compileKernel(
    session,
    {
      name: "mark_prompt",
      appends: ["common/call", "common/step", "common/token_counts"],
      bindings: ["uniform", "read", "read_write"],
    },
    { WORKGROUP_SIZE, VOCAB_SIZE: vocabSize },
  );
  return (label: string, { call, step, tokenCounts }: MarkPromptTensors): Dispatch => {
    expectShape(tokenCounts, [vocabSize]);
    return createDispatch(session, kernel, label, [call, step, tokenCounts], (numTokens) => [
      Math.ceil(Math.max(vocabSize, numTokens) / WORKGROUP_SIZE),
      1,
      1,
    ]);
  };
}
