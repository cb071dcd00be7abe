// Reads encoded f32 rows of `weights: array<vec4<u32>>`; docs/format.md. The kernel declares `override WEIGHT_GROUPS: u32`.

/// The format has no scales.
fn weight_scale(row: u32, group: u32) -> f32 {
  return 1.0;
}

/// The 32 values of one group of one row.
fn weight_quants(row: u32, group: u32) -> array<vec4<f32>, 8> {
  let base = (row * WEIGHT_GROUPS + group) * 8u;
  return array<vec4<f32>, 8>(
    bitcast<vec4<f32>>(weights[base]), bitcast<vec4<f32>>(weights[base + 1u]),
    bitcast<vec4<f32>>(weights[base + 2u]), bitcast<vec4<f32>>(weights[base + 3u]),
    bitcast<vec4<f32>>(weights[base + 4u]), bitcast<vec4<f32>>(weights[base + 5u]),
    bitcast<vec4<f32>>(weights[base + 6u]), bitcast<vec4<f32>>(weights[base + 7u]),
  );
}
