import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";
import { ROPE_ROWS } from "./rope-table.ts";

/** Queries of one workgroup: TILE in the shader, whose workgroup is TILE × TILE threads. */
const QUERY_TILE = 16;

export interface AttentionBlockConstants {
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** A multiple of 4, at most 128. */
  readonly headDim: number;
}

export interface AttentionBlockTensors {
  readonly call: Tensor;
  readonly segment: Tensor;
  readonly step: Tensor;
  /** (blockSize, (numHeads + 2 numKvHeads) * headDim): queries not yet rotated */
  readonly qkv: Tensor;
  /** (2, ROPE_ROWS, headDim / 2, 2) */
  readonly ropeTable: Tensor;
  /** (capacity, 2, numKvHeads, headDim) */
  readonly cache: Tensor;
  /** (blockSize, numHeads, 2), updated in place */
  readonly stats: Tensor;
  /** (blockSize, numHeads * headDim), updated in place */
  readonly attentionOutput: Tensor;
}

/** Compiles `attention_block`; a layer takes one dispatch for each of its segments, in order. */
export async function createAttentionBlock(session: GpuSession, constants: AttentionBlockConstants) {
  const { numHeads, numKvHeads, headDim } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "attention_block",
      appends: ["common/call", "common/step", "common/segment", "common/rope"],
      bindings: ["uniform", "uniform", "read", "read", "read", "read", "read_write", "read_write"],
    },
    { NUM_HEADS: numHeads, NUM_KV_HEADS: numKvHeads, HEAD_DIM: headDim },
  );
  return (label: string, tensors: AttentionBlockTensors): Dispatch => {
    const { call, segment, step, qkv, ropeTable, cache, stats, attentionOutput } = tensors;
    expectRows(qkv, [(numHeads + 2 * numKvHeads) * headDim]);
    expectShape(ropeTable, [2, ROPE_ROWS, headDim / 2, 2]);
    expectRows(cache, [2, numKvHeads, headDim]);
    expectRows(stats, [numHeads, 2]);
    expectRows(attentionOutput, [numHeads * headDim]);
    const bound = [call, segment, step, qkv, ropeTable, cache, stats, attentionOutput];
    return createDispatch(session, kernel, label, bound, (numTokens) => [
      Math.ceil(numTokens / QUERY_TILE),
      numHeads,
      1,
    ]);
  };
}
