/** One more than `count`, as so many dispatches in sequence leave it; u32 wraps around. */
export function increment(count: number, numDispatches: number): number {
  return (count + numDispatches) >>> 0;
}
