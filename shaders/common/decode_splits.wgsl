// How one token's keys are split over workgroups: at most MAX_SPLITS parts, each of whole multiples of SPLIT_UNIT keys.
// The kernel declares `override MAX_SPLITS, SPLIT_UNIT: u32` and appends common/key_window.wgsl.

/// Keys of a split; split number n begins at index n times this, in whatever segment.
fn split_length() -> u32 {
  let length = (first_index() + MAX_SPLITS) / MAX_SPLITS;
  return (length + SPLIT_UNIT - 1u) / SPLIT_UNIT * SPLIT_UNIT;
}

fn num_splits() -> u32 {
  return first_index() / split_length() + 1u;
}
