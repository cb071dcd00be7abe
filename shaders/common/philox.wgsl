// The counter-based random generator Philox4x32-10 (Salmon et al., SC 2011), equal to src/reference/philox.ts bit for bit.

// High and low half of the 64-bit product.
fn multiply_wide(a: u32, b: u32) -> vec2<u32> {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let low = a_low * b_low;
  let middle = a_high * b_low + (low >> 16u);  // at most 0xffff0000 + 0xfffe: no overflow
  let carry = a_low * b_high + (middle & 0xffffu);
  return vec2<u32>(a_high * b_high + (middle >> 16u) + (carry >> 16u), a * b);
}

fn philox4x32(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let first = multiply_wide(0xd2511f53u, c.x);
    let second = multiply_wide(0xcd9e8d57u, c.z);
    c = vec4<u32>(second.x ^ c.y ^ k.x, second.y, first.x ^ c.w ^ k.y, first.y);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// The sampler's draw for the token that will stand at `position`: a multiple of 2^-24 in [0, 1).
fn uniform_draw(seed: u32, position: u32) -> f32 {
  return f32(philox4x32(vec4<u32>(position, 0u, 0u, 0u), vec2<u32>(seed, 0u)).x >> 8u) * 5.960464477539063e-8;
}
