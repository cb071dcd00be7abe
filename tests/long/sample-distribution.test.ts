// 100,000 draws of the sampler kernel at each of six settings, counted on the GPU.

import { expect, it } from "vitest";
import { submitDispatches } from "../../src/gpu/submit.ts";
import { createSample } from "../../src/kernels/sample.ts";
import { distribution } from "../../src/reference/sampler.ts";
import { readWords, upload, uploadCall, uploadStep, useSession } from "../gpu/harness.ts";
import { chiSquaredExcess } from "../reference/chi-squared.ts";
import { SETTINGS, skewedLogits } from "../reference/sampling-settings.ts";

const session = useSession();

const VOCAB_SIZE = 300;
const NUM_DRAWS = 100_000;
const DRAWS_PER_SUBMIT = 500;

it.each(Object.entries(SETTINGS))(
  "100,000 draws with %s have the distribution's frequencies",
  { timeout: 1_800_000 },
  async (_, sampling) => {
    const logits = skewedLogits(VOCAB_SIZE);
    const step = uploadStep(session(), 0, [0]);
    const tokenCounts = upload(session(), "token counts", [VOCAB_SIZE], new Uint32Array(VOCAB_SIZE));
    const create = await createSample(session(), { vocabSize: VOCAB_SIZE });
    const dispatch = create("sample", {
      call: uploadCall(session(), { sampling }),
      step,
      logits: upload(session(), "logits", [1, VOCAB_SIZE], logits),
      tokenCounts,
    });
    for (let drawn = 0; drawn < NUM_DRAWS; drawn += DRAWS_PER_SUBMIT) {
      submitDispatches(session(), Array<typeof dispatch>(DRAWS_PER_SUBMIT).fill(dispatch), 1);
      await session().device.queue.onSubmittedWorkDone();
    }
    const counts = new Uint32Array(await readWords(session(), tokenCounts));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(NUM_DRAWS);
    expect(Math.abs(chiSquaredExcess(counts, distribution(logits, sampling)))).toBeLessThan(4);
  },
);
