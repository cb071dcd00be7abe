// One segment of a KV cache; src/kernels/segment.ts writes it. In constant memory mode there are two: the first keys, and a ring
// for the others, in which a token has the slot (position - start) % length. The kernel appends common/key_window.wgsl.
struct Segment {
  start: u32,   // index of its first key, and position of the token that came first to its first slot
  length: u32,  // slots, a token each
  index: u32,   // among the sequence's segments
  padding: u32,
}

/// By how many slots keys in order lie after where they would without a ring.
fn slot_turn() -> u32 {
  if (LAST_KEYS == 0u || segment.start < FIRST_KEYS) {
    return 0u;
  }
  return skipped_keys() % segment.length;
}

/// Slot of the key whose index is segment.start + key.
fn turned_slot(key: u32, turn: u32) -> u32 {
  if (LAST_KEYS == 0u) {
    return key;
  }
  let slot = key + turn;
  return select(slot, slot - segment.length, slot >= segment.length);
}
