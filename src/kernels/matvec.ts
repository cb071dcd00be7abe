// Sizes of the row products of shaders/common/matvec.wgsl.

import type { GpuSession } from "../gpu/session.ts";

/** Threads of a workgroup on a GPU: on an H200 a decode step takes a quarter less than with 64. */
const WIDE_WORKGROUP_SIZE = 128;
/** On a processor that plays GPU, where barriers cost and a thread should reuse its part of the vector for several rows. */
const NARROW_WORKGROUP_SIZE = 64;
/** No GPU runs so few threads in step; processors do. */
const NARROW_SUBGROUP_SIZE = 8;
/** Products of a workgroup: few, since a decode step is bound by latency and many workgroups shorten it. */
export const MATVEC_ROWS = 16;
/** Threads that share a row at most. */
const MAX_LANES = 16;
/** Groups of the vector in workgroup memory at most: 4.6 KB of the 16 KB that every GPU has. */
const MAX_STAGED_GROUPS = 32;

/** Whether the adapter is a processor that plays GPU. */
export function isProcessor({ adapterInfo }: GpuSession): boolean {
  return adapterInfo.subgroupMaxSize <= NARROW_SUBGROUP_SIZE;
}

/** Constants of a kernel that multiplies `rows` rows of that many groups in each workgroup. */
export function matvecConstants(session: GpuSession, inputGroups: number, rows = MATVEC_ROWS, maxLanes = MAX_LANES) {
  return {
    WORKGROUP_SIZE: isProcessor(session) ? NARROW_WORKGROUP_SIZE : WIDE_WORKGROUP_SIZE,
    LANES: Math.min(maxLanes, 2 ** Math.ceil(Math.log2(inputGroups))),
    ROWS: rows,
    INPUT_GROUPS: inputGroups,
    STAGED_GROUPS: Math.min(inputGroups, MAX_STAGED_GROUPS),
  };
}
