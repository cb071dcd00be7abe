// Keys and values as a cache in f32 stores them: two and four channels of a row.
alias CachedPair = vec2<f32>;
alias CachedQuad = vec4<f32>;

fn pack_pair(values: vec2<f32>) -> CachedPair {
  return values;
}

fn pack_quad(values: vec4<f32>) -> CachedQuad {
  return values;
}

fn unpack_quad(values: CachedQuad) -> vec4<f32> {
  return values;
}
