// Which keys a query sees (shaders/common/key_window.wgsl).

/** In constant memory mode a query sees the text's first keys, and of those up to its own the last. */
export interface KeyWindow {
  readonly first: number;
  /** At least 1: its own. */
  readonly last: number;
}

/** Throws RangeError for numbers that no window has. */
export function expectKeyWindow({ first, last }: KeyWindow): void {
  const checks = [
    ["first", first, 0],
    ["last", last, 1],
  ] as const;
  for (const [name, value, least] of checks) {
    if (!Number.isInteger(value) || value < least) {
      throw new RangeError(`keyWindow.${name}: expected a whole number from ${least}, got ${value}`);
    }
  }
}

/** What the shaders need; without a window, every key is seen. */
export function keyWindowConstants(keyWindow: KeyWindow | undefined) {
  return { FIRST_KEYS: keyWindow?.first ?? 0, LAST_KEYS: keyWindow?.last ?? 0 };
}
