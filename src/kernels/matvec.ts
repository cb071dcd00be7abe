// Sizes of the row products of shaders/common/matvec.wgsl.

import type { WeightFormat } from "../checkpoint/weight-source.ts";
import type { GpuSession } from "../gpu/session.ts";

/** Threads of a workgroup on a processor that plays GPU, where barriers cost and a thread should reuse its part of the
 * vector for several rows. */
const NARROW_WORKGROUP_SIZE = 64;
/** No GPU runs so few threads in step; processors do. */
const NARROW_SUBGROUP_SIZE = 8;
/** Products of a workgroup, where its number of rows is free: few, since a decode step is bound by latency. */
export const MATVEC_ROWS = 32;
/** Threads that share a row at most. */
const MAX_LANES = 16;
/** Groups that fit a thread's registers beside all else. */
const MAX_FETCHED = { q4: 6, q8: 4, f16: 2, f32: 1 } as const;
/** Workgroup memory for the lanes' sums: the least that they may take, of the 16 KB that every GPU has, and the most. */
const LANE_BYTES = [8192, 12288] as const;
/** Of a group of the vector in workgroup memory. */
const STAGED_GROUP_BYTES = 144;
/** Of workgroup memory beside the vector and the lanes' sums. */
const OTHER_BYTES = 8192;

export interface MatvecSizes {
  readonly format: WeightFormat;
  /** Groups of 32 of the vector. */
  readonly inputGroups: number;
  /** Products of a workgroup. */
  readonly rows?: number;
  /** Threads of a workgroup on a GPU. */
  readonly workgroupSize?: number;
}

/** Whether the adapter is a processor that plays GPU. */
export function isProcessor({ adapterInfo }: GpuSession): boolean {
  return adapterInfo.subgroupMaxSize <= NARROW_SUBGROUP_SIZE;
}

/** Subgroups that a workgroup has at least; 1 where kernels use none, for a browser may not tell their size. */
export function leastSubgroups({ adapterInfo, features }: GpuSession, numThreads: number): number {
  return features.has("subgroups") ? Math.ceil(numThreads / adapterInfo.subgroupMaxSize) : 1;
}

/** Constants of a kernel that multiplies `rows` rows of that many groups in each workgroup. */
export function matvecConstants(
  session: GpuSession,
  { format, inputGroups, rows = MATVEC_ROWS, workgroupSize = 128 }: MatvecSizes,
) {
  const isNarrow = isProcessor(session);
  const numThreads = isNarrow ? NARROW_WORKGROUP_SIZE : Math.min(workgroupSize, largestWorkgroup(session));
  const lanes = isNarrow
    ? leastIdleLanes(inputGroups, rows)
    : fastestLanes(inputGroups, rows, numThreads, laneBytes(session, inputGroups));
  return {
    WORKGROUP_SIZE: numThreads,
    LANES: lanes,
    LANE_SUMS: Math.max(rows * laneStride(lanes), 4 * numThreads),
    // A processor has few registers, and takes long to compile an item.
    FETCHED: isNarrow ? 0 : Math.min(MAX_FETCHED[format], threadItems(inputGroups, rows, numThreads, lanes)),
    ROWS: rows,
    INPUT_GROUPS: inputGroups,
  };
}

/** The default limits bear 256 threads and their sums. */
function largestWorkgroup({ device: { limits } }: GpuSession): number {
  return limits.maxComputeWorkgroupStorageSize >= 32768 ? Math.min(limits.maxComputeInvocationsPerWorkgroup, 512) : 256;
}

function laneBytes({ device: { limits } }: GpuSession, inputGroups: number): number {
  const room = limits.maxComputeWorkgroupStorageSize - OTHER_BYTES - STAGED_GROUP_BYTES * inputGroups;
  return Math.min(Math.max(room, LANE_BYTES[0]), LANE_BYTES[1]);
}

/** From a row's sums to the next row's: odd, so that they are in different banks. */
function laneStride(lanes: number): number {
  return lanes | 1;
}

/** Groups that the slowest thread multiplies. */
function threadItems(inputGroups: number, rows: number, numThreads: number, lanes: number): number {
  return Math.ceil(inputGroups / lanes) * Math.ceil(rows / Math.floor(numThreads / lanes));
}

/** Threads that share a row so that the slowest thread has least to do, then all together, then that sums are short. */
function fastestLanes(inputGroups: number, rows: number, numThreads: number, maxBytes: number): number {
  const cost = (lanes: number): readonly [number, number] => {
    return [threadItems(inputGroups, rows, numThreads, lanes), Math.ceil(inputGroups / lanes) * lanes];
  };
  let best = 1;
  for (let lanes = 2; lanes <= MAX_LANES && 4 * rows * laneStride(lanes) <= maxBytes; lanes++) {
    const [longest, work] = cost(lanes);
    const [bestLongest, bestWork] = cost(best);
    if (longest < bestLongest || (longest === bestLongest && work < bestWork)) best = lanes;
  }
  return best;
}

/** Most threads that share a row's groups with the fewest of them idle. */
function leastIdleLanes(inputGroups: number, rows: number): number {
  let best = 1;
  for (let lanes = 2; lanes <= MAX_LANES && 4 * rows * laneStride(lanes) <= LANE_BYTES[0]; lanes *= 2) {
    const idle = (count: number) => Math.ceil(inputGroups / count) * count - inputGroups;
    if (idle(lanes) <= idle(best)) best = lanes;
  }
  return best;
}
