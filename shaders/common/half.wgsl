// f16 bits to f32 by integers: unpack2x16float may flush subnormals, and scales may be subnormal.

fn half_value(bits: u32) -> f32 {
  let magnitude = bits & 0x7fffu;
  let normal = bitcast<f32>((magnitude << 13u) + 0x38000000u);
  let subnormal = f32(magnitude) * 5.960464477539063e-8;
  let value = select(normal, subnormal, magnitude < 0x400u);
  return select(value, -value, (bits & 0x8000u) != 0u);
}

fn half_pair(bits: u32) -> vec2<f32> {
  return vec2<f32>(half_value(bits & 0xffffu), half_value(bits >> 16u));
}
