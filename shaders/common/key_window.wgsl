// Which keys a query sees: all up to its own, or in constant memory mode the first FIRST_KEYS and of those up to its own the
// last LAST_KEYS. Kernels count keys without the gap between: a key's index is its position, less skipped_keys() if it is not
// one of the first. The kernel declares `override FIRST_KEYS, LAST_KEYS: u32` (LAST_KEYS 0: all keys) and binds `step`.

/// Keys after the first ones that not even the block's first query sees.
fn skipped_keys() -> u32 {
  if (LAST_KEYS == 0u) {
    return 0u;
  }
  return max(step.position + 1u, FIRST_KEYS + LAST_KEYS) - (FIRST_KEYS + LAST_KEYS);
}

/// Index of the block's first token.
fn first_index() -> u32 {
  return step.position - skipped_keys();
}
