// Keys and values as a cache in f16 stores them: two and four channels of a row. What no f16 holds is rounded to the
// largest; subnormal numbers may become 0.
alias CachedPair = u32;
alias CachedQuad = vec2<u32>;

const LARGEST_HALF: f32 = 65504.0;

fn pack_pair(values: vec2<f32>) -> CachedPair {
  return pack2x16float(clamp(values, vec2<f32>(-LARGEST_HALF), vec2<f32>(LARGEST_HALF)));
}

fn pack_quad(values: vec4<f32>) -> CachedQuad {
  return vec2<u32>(pack_pair(values.xy), pack_pair(values.zw));
}

fn unpack_quad(bits: CachedQuad) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(bits.x), unpack2x16float(bits.y));
}
