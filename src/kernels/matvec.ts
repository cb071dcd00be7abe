// Sizes of the row products of shaders/common/matvec.wgsl.

/** Groups of the vector in workgroup memory at most: 4.6 KB of the 16 KB that every GPU has. */
const MAX_STAGED_GROUPS = 32;

export interface MatvecSizes {
  readonly workgroupSize: number;
  /** Threads that share a row at most, a power of two. */
  readonly maxLanes: number;
  /** Products of a workgroup; when absent, one for each set of lanes. */
  readonly rows?: number;
}

/** One product for each set of 16 lanes: many small workgroups, since a decode step waits for its slowest. */
export const SMALL_MATVEC: MatvecSizes = { workgroupSize: 128, maxLanes: 16 };

/** Constants of a kernel that multiplies rows of that many groups of 32. */
export function matvecConstants(inputGroups: number, { workgroupSize, maxLanes, rows }: MatvecSizes) {
  const lanes = Math.min(maxLanes, 2 ** Math.ceil(Math.log2(inputGroups)));
  return {
    WORKGROUP_SIZE: workgroupSize,
    LANES: lanes,
    ROWS: rows ?? workgroupSize / lanes,
    INPUT_GROUPS: inputGroups,
    STAGED_GROUPS: Math.min(inputGroups, MAX_STAGED_GROUPS),
  };
}
