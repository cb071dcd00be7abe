// Sizes of the row products of shaders/common/matvec.wgsl.

/** Threads that share a row at most: enough that a row of 512 inputs is read in one step. */
const MAX_LANES = 16;
/** Groups of the vector in workgroup memory at most: 4.6 KB of the 16 KB that every GPU has. */
const MAX_STAGED_GROUPS = 32;

export const MATVEC_WORKGROUP_SIZE = 128;

/** A power of two: threads of a row of that many groups, which are read side by side. */
export function matvecLanes(inputGroups: number): number {
  return Math.min(MAX_LANES, 2 ** Math.ceil(Math.log2(inputGroups)));
}

/** Constants of a kernel whose workgroups compute `rowsPerThread` products each for every LANES threads. */
export function matvecConstants(inputGroups: number, rowsPerThread = 1) {
  const LANES = matvecLanes(inputGroups);
  return {
    WORKGROUP_SIZE: MATVEC_WORKGROUP_SIZE,
    LANES,
    ROWS: (rowsPerThread * MATVEC_WORKGROUP_SIZE) / LANES,
    INPUT_GROUPS: inputGroups,
    STAGED_GROUPS: Math.min(inputGroups, MAX_STAGED_GROUPS),
  };
}
