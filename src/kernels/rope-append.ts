import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";
import { type KeyWindow, keyWindowConstants } from "./key-window.ts";
import { expectCache, kvAppend, type KvHeads } from "./kv-format.ts";
import { ROPE_ROWS } from "./rope-table.ts";

export interface RopeAppendConstants extends KvHeads {
  readonly numHeads: number;
  readonly keyWindow?: KeyWindow | undefined;
}

export interface RopeAppendTensors {
  readonly call: Tensor;
  readonly segment: Tensor;
  readonly step: Tensor;
  /** (2, ROPE_ROWS, headDim / 2, 2) */
  readonly ropeTable: Tensor;
  /** (blockSize, (numHeads + 2 numKvHeads) * headDim): queries, rotated in place, keys, values */
  readonly qkv: Tensor;
  /** (capacity, 2, numKvHeads, kvWords), rows of the block's tokens written */
  readonly cache: Tensor;
}

/** Compiles `rope_append`. */
export async function createRopeAppend(session: GpuSession, constants: RopeAppendConstants) {
  const { numHeads, numKvHeads, headDim, kvFormat, keyWindow } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "rope_append",
      appends: [
        "common/call",
        "common/step",
        "common/key_window",
        "common/segment",
        "common/rope",
        "common/reduce",
        kvAppend(kvFormat),
      ],
      bindings: ["uniform", "uniform", "read", "read", "read_write", "read_write"],
    },
    {
      WORKGROUP_SIZE: 32,
      NUM_HEADS: numHeads,
      NUM_KV_HEADS: numKvHeads,
      HEAD_DIM: headDim,
      ...keyWindowConstants(keyWindow),
    },
  );
  return (label: string, { call, segment, step, ropeTable, qkv, cache }: RopeAppendTensors): Dispatch => {
    expectRows(qkv, [(numHeads + 2 * numKvHeads) * headDim]);
    expectShape(ropeTable, [2, ROPE_ROWS, headDim / 2, 2]);
    expectCache(cache, constants);
    return createDispatch(session, kernel, label, [call, segment, step, ropeTable, qkv, cache], (numTokens) => [
      numTokens,
      numKvHeads,
      1,
    ]);
  };
}
