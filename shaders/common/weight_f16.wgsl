// Reads encoded f16 rows of `weights: array<vec4<u32>>`; docs/format.md. The kernel declares `override WEIGHT_GROUPS: u32`.

fn weight_halves(bits: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(half_pair(bits.x), half_pair(bits.y));
}

/// The format has no scales.
fn weight_scale(row: u32, group: u32) -> f32 {
  return 1.0;
}

/// The 32 values of one group of one row.
fn weight_quants(row: u32, group: u32) -> array<vec4<f32>, 8> {
  let base = (row * WEIGHT_GROUPS + group) * 4u;
  let a = weights[base];
  let b = weights[base + 1u];
  let c = weights[base + 2u];
  let d = weights[base + 3u];
  return array<vec4<f32>, 8>(
    weight_halves(a.xy), weight_halves(a.zw), weight_halves(b.xy), weight_halves(b.zw),
    weight_halves(c.xy), weight_halves(c.zw), weight_halves(d.xy), weight_halves(d.zw),
  );
}
