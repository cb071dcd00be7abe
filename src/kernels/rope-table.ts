// The two tables of shaders/common/rope.wgsl, computed in float64: a position's angles are combined from them.

/** Rows of each table; positions reach ROPE_ROWS² - 1 = 2²² - 1. */
export const ROPE_ROWS = 2048;

export interface RopeParameters {
  readonly headDim: number;
  readonly ropeTheta: number;
  /** Of the headDim / 2 channels, the first so many rotate. */
  readonly rotaryFrequencies: number;
}

/** (2, ROPE_ROWS, headDim / 2, 2): cos and sin at position ROPE_ROWS · row (coarse) and at position row (fine). */
export function createRopeTable({ headDim, ropeTheta, rotaryFrequencies }: RopeParameters): Float32Array {
  const halfDim = headDim / 2;
  const table = new Float32Array(2 * ROPE_ROWS * halfDim * 2);
  for (let channel = 0; channel < halfDim; channel++) {
    const frequency = channel < rotaryFrequencies ? ropeTheta ** ((-2 * channel) / headDim) : 0;
    for (let row = 0; row < ROPE_ROWS; row++) {
      for (const [which, position] of [ROPE_ROWS * row, row].entries()) {
        const index = 2 * ((which * ROPE_ROWS + row) * halfDim + channel);
        table[index] = Math.cos(position * frequency);
        table[index + 1] = Math.sin(position * frequency);
      }
    }
  }
  return table;
}
