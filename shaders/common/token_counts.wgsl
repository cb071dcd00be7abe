// A token's count: how often it was drawn since the prompt, plus IN_PROMPT if it stands in the prompt. A prompt is
// everything that was read before the answer, earlier answers too. src/reference/kernels/mark-prompt.ts has the same constant.
const IN_PROMPT: u32 = 0x80000000u;
