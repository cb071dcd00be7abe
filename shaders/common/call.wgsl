// What is constant for one call (a prefill block or an answer); src/kernels/call.ts writes it.
struct Call {
  num_tokens: u32,          // tokens in this block; 1 in decode
  num_segments: u32,        // KV segments of each softmax layer
  seed: u32,
  top_k: u32,               // 0: off
  temperature: f32,         // 0: greedy
  top_p: f32,               // 1: off
  min_p: f32,               // 0: off
  repetition_penalty: f32,  // 1: off
  frequency_penalty: f32,   // 0: off
  presence_penalty: f32,    // 0: off
  num_end_tokens: u32,      // of end_tokens
  num_biases: u32,          // of bias_ids and biases
  end_tokens: array<vec4<u32>, 2>,
  bias_ids: array<vec4<u32>, 4>,
  biases: array<vec4<f32>, 4>,  // added to the logits of bias_ids
}
