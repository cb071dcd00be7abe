import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor } from "../gpu/tensor.ts";
import { type KeyWindow, keyWindowConstants } from "./key-window.ts";
import { expectCache, kvAppend, type KvHeads } from "./kv-format.ts";
import { splitConstants, splitGrid, type SplitShape } from "./splits.ts";

/** Numbers that the shader's workgroup memory holds of a tile's values. */
const STAGED_VALUES = 1024;

/** headDim is at most 128. */
export type AttentionBlockConstants = SplitShape & KvHeads & { readonly keyWindow?: KeyWindow | undefined };

export interface AttentionBlockTensors {
  readonly call: Tensor;
  readonly segment: Tensor;
  readonly step: Tensor;
  /** (blockSize, (numHeads + 2 numKvHeads) * headDim): queries as rope_append leaves them */
  readonly qkv: Tensor;
  /** (capacity, 2, numKvHeads, kvWords) */
  readonly cache: Tensor;
  /** (maxSplitRows, 2), updated in place */
  readonly stats: Tensor;
  /** (maxSplitRows, headDim), updated in place */
  readonly partials: Tensor;
}

/** Compiles `attention_block`; a layer takes one dispatch for each of its segments, in order, and then attention_combine. */
export async function createAttentionBlock(session: GpuSession, constants: AttentionBlockConstants) {
  const { numHeads, numKvHeads, headDim, kvFormat, keyWindow } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "attention_block",
      appends: [
        "common/call",
        "common/step",
        "common/key_window",
        "common/segment",
        "common/splits",
        kvAppend(kvFormat),
      ],
      bindings: ["uniform", "uniform", "read", "read", "read", "read_write", "read_write"],
    },
    {
      ...splitConstants(constants),
      ...keyWindowConstants(keyWindow),
      HEAD_DIM: headDim,
      VALUE_KEYS: [32, 16, 8].find((keys) => keys * headDim <= STAGED_VALUES)!,
    },
  );
  return (label: string, tensors: AttentionBlockTensors): Dispatch => {
    const { call, segment, step, qkv, cache, stats, partials } = tensors;
    expectRows(qkv, [(numHeads + 2 * numKvHeads) * headDim]);
    expectCache(cache, constants);
    expectRows(stats, [2]);
    expectRows(partials, [headDim]);
    const bound = [call, segment, step, qkv, cache, stats, partials];
    return createDispatch(session, kernel, label, bound, (numTokens) => splitGrid(constants, numTokens));
  };
}
