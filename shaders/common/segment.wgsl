// One segment of a KV cache; src/kernels/segment.ts writes it.
struct Segment {
  start: u32,   // position of its first slot
  length: u32,  // slots, a token each
  index: u32,   // among the sequence's segments
  padding: u32,
}
