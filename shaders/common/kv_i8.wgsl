// Keys and values as a cache in i8 stores them. A row is one head's key, or value, of one token, and takes head_dim / 4 + 1
// words: four channels each, as signed bytes with the first one lowest, then the row's scale, an f32.
//   scale = largest magnitude of the row / 127;  byte = round(value / scale), from -127 to 127, 0 where scale is 0
// What is unpacked is a byte's number: the kernel multiplies by the scale. The kernel declares `override HEAD_DIM: u32`.
// Reference: src/reference/kernels/kv-i8.ts, kvI8
alias CachedQuad = u32;

const HAS_SCALE: bool = true;

fn row_quads() -> u32 {
  return HEAD_DIM / 4u + 1u;
}

fn row_scale(largest: f32) -> f32 {
  return largest * 0.007874016;
}

fn pack_scale(scale: f32) -> CachedQuad {
  return bitcast<u32>(scale);
}

fn unpack_scale(bits: CachedQuad) -> f32 {
  return bitcast<f32>(bits);
}

fn pack_quad(values: vec4<f32>, scale: f32) -> CachedQuad {
  if (scale == 0.0) {
    return 0u;
  }
  let bytes = vec4<u32>(vec4<i32>(clamp(round(values / scale), vec4<f32>(-127.0), vec4<f32>(127.0)))) & vec4<u32>(255u);
  return bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
}

/// A byte + 128 in the low bits of the float 2²³ adds its value to it: much cheaper than a conversion from integer.
fn unpack_quad(word: CachedQuad) -> vec4<f32> {
  let bits = ((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)) ^ vec4<u32>(0x4b000080u);
  return bitcast<vec4<f32>>(bits) - vec4<f32>(8388736.0);
}
