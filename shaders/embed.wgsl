// embed: hidden state of each token of the block, read from the embedding table.
//   hidden[token] = embed_tokens[token_ids[token]]
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 step: Step, read — token_ids of this block
//   2 weights: array<vec4<u32>>, read — rows FIRST_ROW.. of the table, encoded, (NUM_ROWS, hidden_size)
//   3 hidden: array<vec4<f32>>, read_write — (num_tokens, hidden_size), rows of tokens in this range written
// Dispatch: (num_tokens, 1, 1) workgroups; each owns one token. A table in several ranges takes a dispatch for each,
//   and a token is in one range alone, so there is no race.
// Source: arXiv:2501.08313 §2
// Reference: src/reference/kernels/embed.ts, embed
// Appends: common/call.wgsl, common/step.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override WEIGHT_GROUPS: u32;
override FIRST_ROW: u32;
override NUM_ROWS: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> hidden: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn embed(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = workgroup.x;
  if (token >= call.num_tokens) {
    return;
  }
  // An id below FIRST_ROW wraps to a number far above NUM_ROWS.
  let row = step.token_ids[token] - FIRST_ROW;
  if (row >= NUM_ROWS) {
    return;
  }
  for (var group = local; group < WEIGHT_GROUPS; group += WORKGROUP_SIZE) {
    let scale = weight_scale(row, group);
    let values = weight_quants(row, group);
    for (var i = 0u; i < 8u; i++) {
      hidden[(token * WEIGHT_GROUPS + group) * 8u + i] = scale * values[i];
    }
  }
}
