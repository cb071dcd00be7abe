import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor } from "../gpu/tensor.ts";
import { expectCache, kvAppend, type KvHeads } from "./kv-format.ts";

/** Parts into which a segment's keys are split, so that a long context keeps the whole GPU busy. */
export const ATTENTION_SPLITS = 16;
/** Keys of a part at least: fewer are not worth a workgroup. */
const MIN_SPLIT_KEYS = 64;
const WORKGROUP_SIZE = 128;

/** headDim is at most 128. */
export interface AttentionDecodeConstants extends KvHeads {
  readonly numHeads: number;
}

export interface AttentionDecodeTensors {
  readonly segment: Tensor;
  readonly step: Tensor;
  /** (blockSize, (numHeads + 2 numKvHeads) * headDim), the first row read: as attention_qkv_decode writes it */
  readonly qkv: Tensor;
  /** (capacity, 2, numKvHeads, kvWords), the token's row written */
  readonly cache: Tensor;
  /** (segments, ATTENTION_SPLITS, numHeads, headDim + 2), this segment's part written */
  readonly partials: Tensor;
}

/** Compiles `attention_decode`; a layer takes one dispatch for each of its segments. */
export async function createAttentionDecode(session: GpuSession, constants: AttentionDecodeConstants) {
  const { numHeads, numKvHeads, headDim, kvFormat } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "attention_decode",
      appends: ["common/step", "common/segment", kvAppend(kvFormat)],
      bindings: ["uniform", "read", "read", "read_write", "read_write"],
    },
    {
      WORKGROUP_SIZE,
      NUM_HEADS: numHeads,
      NUM_KV_HEADS: numKvHeads,
      HEAD_DIM: headDim,
      SPLITS: ATTENTION_SPLITS,
      MIN_SPLIT_KEYS,
    },
  );
  return (label: string, { segment, step, qkv, cache, partials }: AttentionDecodeTensors): Dispatch => {
    expectRows(qkv, [(numHeads + 2 * numKvHeads) * headDim]);
    expectCache(cache, constants);
    expectRows(partials, [ATTENTION_SPLITS, numHeads, headDim + 2]);
    const bound = [segment, step, qkv, cache, partials];
    return createDispatch(session, kernel, label, bound, () => [numHeads, ATTENTION_SPLITS, 1]);
  };
}
