// The counter-based random generator Philox4x32-10: a draw depends on its key and counter alone, so that the same seed
// gives the same numbers on every GPU, here, and at any pipeline depth.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).

const MULTIPLIERS = [0xd2511f53n, 0xcd9e8d57n] as const;
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const;
const NUM_ROUNDS = 10;

/** Four random u32 for a counter of four u32 and a key of two. */
export function philox4x32(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < NUM_ROUNDS; round++) {
    const first = MULTIPLIERS[0] * BigInt(c0);
    const second = MULTIPLIERS[1] * BigInt(c2);
    [c0, c1, c2, c3] = [
      (Number(second >> 32n) ^ c1 ^ k0) >>> 0,
      Number(second & 0xffffffffn),
      (Number(first >> 32n) ^ c3 ^ k1) >>> 0,
      Number(first & 0xffffffffn),
    ];
    k0 = (k0 + KEY_STEPS[0]) >>> 0;
    k1 = (k1 + KEY_STEPS[1]) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** The sampler's draw for the token that will stand at `position`: a multiple of 2^-24 in [0, 1). */
export function uniformDraw(seed: number, position: number): number {
  return (philox4x32([position, 0, 0, 0], [seed, 0])[0] >>> 8) / 2 ** 24;
}
