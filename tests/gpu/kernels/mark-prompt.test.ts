import { expect, it } from "vitest";
import { createMarkPrompt } from "../../../src/kernels/mark-prompt.ts";
import { IN_PROMPT, markPrompt } from "../../../src/reference/kernels/mark-prompt.ts";
import { createRandom, readWords, run, upload, uploadCall, uploadStep, useSession } from "../harness.ts";

const session = useSession();

it.each([
  { vocabSize: 1, numTokens: 1 },
  { vocabSize: 7, numTokens: 600 },
  { vocabSize: 257, numTokens: 3 },
  { vocabSize: 8192, numTokens: 128 },
  { vocabSize: 50_257, numTokens: 512 },
])("marks $numTokens tokens of $vocabSize, and all that were counted before", async ({ vocabSize, numTokens }) => {
  const random = createRandom(vocabSize);
  const chosen = () => Math.floor((random() + 1) * 0.5 * vocabSize);
  const counts = Uint32Array.from({ length: vocabSize }, () => [0, 0, 1, 3, IN_PROMPT, IN_PROMPT + 2][chosen() % 6]!);
  const tokenIds = Array.from({ length: numTokens }, chosen);
  tokenIds[0] = vocabSize - 1;
  // Ids behind the block, as of the next one, are not of it.
  const stepIds = [...tokenIds, 0, vocabSize >> 1];
  const tensors = {
    call: uploadCall(session(), { numTokens }),
    step: uploadStep(session(), 0, stepIds),
    tokenCounts: upload(session(), "token counts", [vocabSize], counts),
  };
  const create = await createMarkPrompt(session(), { vocabSize });
  run(session(), [create("mark_prompt", tensors)], numTokens + 2);
  const marked = new Uint32Array(await readWords(session(), tensors.tokenCounts));
  expect(marked).toEqual(markPrompt(counts, tokenIds));
});
