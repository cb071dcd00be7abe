// How one token's keys are split over workgroups: at most MAX_SPLITS parts, each of whole multiples of SPLIT_UNIT keys.
// The kernel declares `override MAX_SPLITS, SPLIT_UNIT: u32` and binds `step`.

/// Positions of a split; split number n begins at position n times this, in whatever segment.
fn split_length() -> u32 {
  let length = (step.position + MAX_SPLITS) / MAX_SPLITS;
  return (length + SPLIT_UNIT - 1u) / SPLIT_UNIT * SPLIT_UNIT;
}

fn num_splits() -> u32 {
  return step.position / split_length() + 1u;
}
