// Sizes of the row products of shaders/common/matvec.wgsl.

/** Threads of a workgroup: few, so that barriers are cheap and a thread reuses its part of the vector for several rows. */
export const MATVEC_WORKGROUP_SIZE = 64;
/** Products of a workgroup: few, since a decode step is bound by latency and many workgroups shorten it. */
export const MATVEC_ROWS = 16;
/** Threads that share a row at most. */
const MAX_LANES = 16;
/** Groups of the vector in workgroup memory at most: 4.6 KB of the 16 KB that every GPU has. */
const MAX_STAGED_GROUPS = 32;

/** Constants of a kernel that multiplies `rows` rows of that many groups in each workgroup. */
export function matvecConstants(inputGroups: number, rows = MATVEC_ROWS, maxLanes = MAX_LANES) {
  return {
    WORKGROUP_SIZE: MATVEC_WORKGROUP_SIZE,
    LANES: Math.min(maxLanes, 2 ** Math.ceil(Math.log2(inputGroups))),
    ROWS: rows,
    INPUT_GROUPS: inputGroups,
    STAGED_GROUPS: Math.min(inputGroups, MAX_STAGED_GROUPS),
  };
}
