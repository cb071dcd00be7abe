// Keys and values as a cache in f32 stores them: four channels of a row. A row is one head's key, or value, of one token. The
// kernel declares `override HEAD_DIM: u32`.
alias CachedQuad = vec4<f32>;

const HAS_SCALE: bool = false;

fn row_quads() -> u32 {
  return HEAD_DIM / 4u;
}

fn row_scale(largest: f32) -> f32 {
  return 1.0;
}

fn pack_scale(scale: f32) -> CachedQuad {
  return vec4<f32>();
}

fn unpack_scale(values: CachedQuad) -> f32 {
  return 1.0;
}

fn pack_quad(values: vec4<f32>, scale: f32) -> CachedQuad {
  return values;
}

fn unpack_quad(values: CachedQuad) -> vec4<f32> {
  return values;
}
