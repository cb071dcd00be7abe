// attention_combine: the splits of a block's softmax attention combined.
//   attention_output = sum over splits of exp(largest - max) · partial / sum over splits of exp(largest - max) · sum
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 step: Step, read — position of the block's first token
//   2 stats: array<vec2<f32>>, read — (splits, num_tokens, num_heads): largest score, and sum
//   3 partials: array<vec4<f32>>, read — (splits, num_tokens, num_heads, head_dim)
//   4 attention_output: array<vec4<f32>>, read_write — (num_tokens, num_heads, head_dim), written
// Dispatch: (num_tokens * num_heads * head_dim / 4 / WORKGROUP_SIZE rounded up, 1, 1) workgroups; each thread owns four
//   channels of one head of one token, over all splits (one of which the token sees no key weighs nothing).
// Source: flash-decoding (Dao et al. 2023)
// Reference: src/reference/kernels/attention-combine.ts, attentionCombine
// Appends: common/call.wgsl, common/step.wgsl, common/key_window.wgsl, common/splits.wgsl

override WORKGROUP_SIZE: u32;
override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;
override MAX_WORKGROUPS: u32;
override MIN_SPLIT_KEYS: u32;
override FIRST_KEYS: u32;
override LAST_KEYS: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> attention_output: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_combine(@builtin(global_invocation_id) id: vec3<u32>) {
  let num_rows = call.num_tokens * NUM_HEADS;
  let row = id.x / (HEAD_DIM / 4u);
  if (row >= num_rows) {
    return;
  }
  var largest = stats[row].x;
  for (var split = 1u; split < num_splits(); split++) {
    largest = max(largest, stats[split * num_rows + row].x);
  }
  var total = 0.0;
  var sum = vec4<f32>();
  for (var split = 0u; split < num_splits(); split++) {
    let part = stats[split * num_rows + row];
    let weight = exp(part.x - largest);
    total += weight * part.y;
    sum += weight * partials[split * num_rows * (HEAD_DIM / 4u) + id.x];
  }
  attention_output[id.x] = sum / total;
}
