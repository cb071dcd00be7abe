// mark_prompt: takes note of which tokens stand in the prompt, for the sampler's penalties.
//   token_counts[id] = IN_PROMPT   for every id of the block, and for every id that was counted before
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 step: Step, read — token_ids of this block
//   2 token_counts: array<atomic<u32>>, read_write — (vocab_size), changed in place
// Dispatch: (ceil(max(vocab_size, num_tokens) / WORKGROUP_SIZE), 1, 1); each thread owns one id of the vocabulary and
//   one token of the block. Several may store to one count, but all store the same value.
// Source: vLLM, vllm/model_executor/layers/utils.py, apply_penalties (prompt_mask)
// Reference: src/reference/kernels/mark-prompt.ts, markPrompt
// Appends: common/call.wgsl, common/step.wgsl, common/token_counts.wgsl

override WORKGROUP_SIZE: u32;
override VOCAB_SIZE: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read_write> token_counts: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn mark_prompt(@builtin(global_invocation_id) thread: vec3<u32>) {
  if (thread.x < VOCAB_SIZE && atomicLoad(&token_counts[thread.x]) != 0u) {
    atomicStore(&token_counts[thread.x], IN_PROMPT);
  }
  if (thread.x < call.num_tokens) {
    atomicStore(&token_counts[step.token_ids[thread.x]], IN_PROMPT);
  }
}
