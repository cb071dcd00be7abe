// Keys and values as a cache in f16 stores them: four channels of a row. A row is one head's key, or value, of one token. What
// no f16 holds is rounded to the largest; subnormal numbers may become 0. The kernel declares `override HEAD_DIM: u32`.
alias CachedQuad = vec2<u32>;

const HAS_SCALE: bool = false;
const LARGEST_HALF: f32 = 65504.0;

fn row_quads() -> u32 {
  return HEAD_DIM / 4u;
}

fn row_scale(largest: f32) -> f32 {
  return 1.0;
}

fn pack_scale(scale: f32) -> CachedQuad {
  return vec2<u32>();
}

fn unpack_scale(bits: CachedQuad) -> f32 {
  return 1.0;
}

fn pack_quad(values: vec4<f32>, scale: f32) -> CachedQuad {
  let held = clamp(values, vec4<f32>(-LARGEST_HALF), vec4<f32>(LARGEST_HALF));
  return vec2<u32>(pack2x16float(held.xy), pack2x16float(held.zw));
}

fn unpack_quad(bits: CachedQuad) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(bits.x), unpack2x16float(bits.y));
}
