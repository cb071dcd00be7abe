import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor } from "../gpu/tensor.ts";
import { decodeSplitConstants } from "./decode-splits.ts";
import { type KeyWindow, keyWindowConstants } from "./key-window.ts";
import { expectCache, kvAppend, type KvHeads } from "./kv-format.ts";
import { isProcessor } from "./matvec.ts";

/** Query heads that are computed together at most: the components of a vector. */
const MAX_HEADS = 4;
const BYTES_PER_VEC4 = 16;
const WORKGROUP_SIZE = 256;
/** On a processor that plays GPU, where barriers cost. */
const PROCESSOR_WORKGROUP_SIZE = 64;

/** headDim is at most 128. */
export interface AttentionDecodeConstants extends KvHeads {
  readonly numHeads: number;
  /** Splits at most. */
  readonly maxSplits: number;
  readonly keyWindow?: KeyWindow | undefined;
}

export interface AttentionDecodeTensors {
  readonly segment: Tensor;
  readonly step: Tensor;
  /** (blockSize, (numHeads + 2 numKvHeads) * headDim), the first row read: as attention_qkv_decode writes it */
  readonly qkv: Tensor;
  /** (capacity, 2, numKvHeads, kvWords), the token's row written */
  readonly cache: Tensor;
  /** (at least maxSplits * numHeads, 2), updated in place */
  readonly stats: Tensor;
  /** (at least maxSplits * numHeads, headDim), updated in place */
  readonly partials: Tensor;
}

/** Compiles `attention_decode`; a layer takes one dispatch for each of its segments, in order. */
export async function createAttentionDecode(session: GpuSession, constants: AttentionDecodeConstants) {
  const { numHeads, numKvHeads, headDim, kvFormat, maxSplits, keyWindow } = constants;
  const workgroupSize = isProcessor(session) ? PROCESSOR_WORKGROUP_SIZE : WORKGROUP_SIZE;
  const kernel = await compileKernel(
    session,
    {
      name: "attention_decode",
      appends: [
        "common/step",
        "common/key_window",
        "common/segment",
        "common/decode_splits",
        "common/cached_rows",
        kvAppend(kvFormat),
      ],
      bindings: ["uniform", "read", "read", "read_write", "read_write", "read_write"],
    },
    {
      WORKGROUP_SIZE: workgroupSize,
      NUM_HEADS: numHeads,
      NUM_KV_HEADS: numKvHeads,
      HEAD_DIM: headDim,
      HEADS: headsAtOnce(numHeads / numKvHeads, mostHeads(session, headDim, workgroupSize)),
      ...decodeSplitConstants(maxSplits),
      ...keyWindowConstants(keyWindow),
    },
  );
  return (label: string, { segment, step, qkv, cache, stats, partials }: AttentionDecodeTensors): Dispatch => {
    expectRows(qkv, [(numHeads + 2 * numKvHeads) * headDim]);
    expectCache(cache, constants);
    expectRows(stats, [2]);
    expectRows(partials, [headDim]);
    const bound = [segment, step, qkv, cache, stats, partials];
    return createDispatch(session, kernel, label, bound, () => [numKvHeads, maxSplits, 1]);
  };
}

/** As evenly as whole rounds allow. */
function headsAtOnce(numQueries: number, most: number): number {
  return Math.ceil(numQueries / Math.ceil(numQueries / most));
}

/** Heads whose sums fit workgroup memory beside what key sets and channels take. */
function mostHeads({ device: { limits } }: GpuSession, headDim: number, workgroupSize: number): number {
  const others = BYTES_PER_VEC4 * (2 * Math.floor((4 * workgroupSize) / headDim) + 2 * headDim);
  const room = limits.maxComputeWorkgroupStorageSize - others;
  return Math.min(MAX_HEADS, Math.max(1, Math.floor(room / (BYTES_PER_VEC4 * workgroupSize))));
}
