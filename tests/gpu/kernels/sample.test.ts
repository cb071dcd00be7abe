import { describe, expect, it } from "vitest";
import type { GpuSession } from "../../../src/gpu/session.ts";
import { submitDispatches } from "../../../src/gpu/submit.ts";
import { createCallUniform, GREEDY, type Sampling, writeCall } from "../../../src/kernels/call.ts";
import { createSample } from "../../../src/kernels/sample.ts";
import { parseStepHead, RECENT_TOKENS, STEP_HEAD_WORDS, writeStep } from "../../../src/kernels/step.ts";
import { uniformDraw } from "../../../src/reference/philox.ts";
import { IN_PROMPT } from "../../../src/reference/kernels/mark-prompt.ts";
import { addLogitBias, argmax, distribution, draw, penalise } from "../../../src/reference/sampler.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  readWords,
  relativeError,
  run,
  upload,
  uploadCall,
  uploadStep,
  useSession,
} from "../harness.ts";

const session = useSession();

interface Case {
  readonly logits: Float32Array;
  readonly sampling: Sampling;
  readonly position: number;
  readonly numTokens: number;
}

/** The token that the kernel chooses in each case, all in one read-back. */
async function sampleAll(session: GpuSession, vocabSize: number, cases: readonly Case[]): Promise<Uint32Array> {
  const logits = session.createStorage("logits", "activations", [1, vocabSize]);
  const tokenCounts = session.createStorage("token counts", "activations", [vocabSize]);
  const tokens = session.createStorage("tokens", "activations", [cases.length]);
  const step = uploadStep(session, 0, [0]);
  const call = createCallUniform(session);
  const create = await createSample(session, { vocabSize });
  const dispatch = create("sample", { call, step, logits, tokenCounts });
  for (const [index, { sampling, position, numTokens, logits: values }] of cases.entries()) {
    session.device.queue.writeBuffer(logits.buffer, 0, values as Float32Array<ArrayBuffer>);
    writeCall(session, call, { numTokens, numSegments: 1, sampling, endTokenIds: [] });
    writeStep(session, step, position, [0]);
    submitDispatches(session, [dispatch], 1, {
      finish: (encoder) => encoder.copyBufferToBuffer(step.buffer, STEP_HEAD_WORDS * 4, tokens.buffer, index * 4, 4),
    });
  }
  const chosen = new Uint32Array(await readWords(session, tokens));
  for (const tensor of [logits, tokenCounts, tokens, step, call]) session.destroyBuffer(tensor.buffer);
  return chosen;
}

/** Logits of every kind that a filter can stumble over. */
function randomLogits(random: () => number, vocabSize: number): Float32Array {
  const scale = [0.01, 2, 6, 20][Math.floor(random() * 2 + 2)];
  const logits = Float32Array.from({ length: vocabSize }, () => (random() + random() + random()) * scale);
  switch (Math.floor(random() * 5 + 5)) {
    case 0:
      return logits.fill(logits[0]);
    case 1:
      logits[Math.floor((random() + 1) * 0.5 * vocabSize)] = 1e30;
      return logits;
    case 2:
    case 3:
      return logits.map((logit) => Math.round(logit));
    default:
      return logits;
  }
}

function randomCase(random: () => number, vocabSize: number): Case {
  const choose = <T>(values: readonly T[]): T => values[Math.floor((random() + 1) * 0.5 * values.length)];
  const sampling = {
    ...GREEDY,
    temperature: choose([0, 0.3, 0.7, 1, 1, 1.5, 5]),
    topK: choose([0, 0, 1, 5, 40, 40, 128, 300, 100_000]),
    topP: choose([1, 1, 0.95, 0.9, 0.5, 0.999, 0]),
    minP: choose([0, 0, 0.05, 0.3, 1]),
    seed: Math.floor((random() + 1) * 2 ** 31),
  };
  const position = Math.floor((random() + 1) * 2 ** 21);
  return { logits: randomLogits(random, vocabSize), sampling, position, numTokens: choose([1, 1, 7, 512]) };
}

const BORDER = 1e-6;

/** Whether a draw, or a filter's limit, that much to either side gives this token. */
function isWithinBorder({ logits, sampling }: Case, u: number, token: number): boolean {
  const { topP, minP } = sampling;
  return [-BORDER, 0, BORDER].some((p) =>
    [-BORDER, 0, BORDER].some((m) => {
      const filters = { topP: topP < 1 ? topP + p : 1, minP: minP > 0 ? Math.min(1, minP + m) : 0 };
      const shares = distribution(logits, { ...sampling, ...filters });
      const before = shares.subarray(0, token).reduce((sum, share) => sum + share, 0);
      return shares[token] > 0 && u >= before - BORDER && u < before + shares[token] + BORDER;
    }),
  );
}

describe("sample", () => {
  it.each([
    { vocabSize: 1, numCases: 40 },
    { vocabSize: 7, numCases: 300 },
    { vocabSize: 256, numCases: 400 },
    { vocabSize: 301, numCases: 300 },
    { vocabSize: 513, numCases: 300 },
    { vocabSize: 1026, numCases: 300 },
    { vocabSize: 8192, numCases: 400 },
    { vocabSize: 50_257, numCases: 40 },
    { vocabSize: 200_000, numCases: 8 },
  ])(
    "chooses the reference's token in $numCases random cases of $vocabSize tokens",
    { timeout: 400_000 },
    async ({ vocabSize, numCases }) => {
      const random = createRandom(vocabSize);
      const cases = Array.from({ length: numCases }, () => randomCase(random, vocabSize));
      const tokens = await sampleAll(session(), vocabSize, cases);
      let numExcused = 0;
      for (const [index, testCase] of cases.entries()) {
        const { logits, sampling, position, numTokens } = testCase;
        const message = `case ${index}: ${JSON.stringify(sampling)}`;
        if (sampling.temperature === 0) {
          expect(tokens[index], message).toBe(argmax(logits));
          continue;
        }
        const u = uniformDraw(sampling.seed, position + numTokens);
        const expected = draw(distribution(logits, sampling), u);
        if (tokens[index] === expected) continue;
        expect(isWithinBorder(testCase, u, tokens[index]), `${message}, got ${tokens[index]}, not ${expected}`).toBe(
          true,
        );
        numExcused += 1;
      }
      expect(numExcused).toBeLessThanOrEqual(numCases * 0.01);
    },
  );

  it("draws the same tokens again", async () => {
    const random = createRandom(5);
    const logits = randomLogits(random, 3000);
    const cases = Array.from({ length: 60 }, (_, position) => ({
      logits,
      sampling: { ...GREEDY, temperature: 2, topP: position % 2 ? 0.6 : 0.97, seed: 11 },
      position,
      numTokens: 1,
    }));
    const tokens = await sampleAll(session(), 3000, cases);
    expect(await sampleAll(session(), 3000, cases)).toEqual(tokens);
    expect(new Set(tokens).size).toBeGreaterThan(20);
  });

  describe("changes logits in place", () => {
    const VOCAB_SIZE = 1001;
    const random = createRandom(3);
    const logits = randomArray(random, VOCAB_SIZE, 8);
    const numDrawn = Uint32Array.from(logits, () => Math.max(0, Math.floor(random() * 6)));
    const inPrompt = Uint32Array.from(logits, () => Number(random() > 0.4));
    const counts = Uint32Array.from(numDrawn, (count, id) => count + inPrompt[id]! * IN_PROMPT);
    /** The last is of the last, unfinished quad; several are of one quad. */
    const LOGIT_BIAS = [3, 0, 257, 512, 514, 515, 9, 10, 11, 12, 13, 14, 400, 998, 999, 1000].map((tokenId, index) => ({
      tokenId,
      bias: [3.5, -2.25, 100, -100, 0][index % 5]!,
    }));

    async function sampleOnce(sampling: Sampling) {
      const tensors = {
        call: uploadCall(session(), { sampling }),
        step: uploadStep(session(), 0, [0]),
        logits: upload(session(), "logits", [1, VOCAB_SIZE], logits),
        tokenCounts: upload(session(), "token counts", [VOCAB_SIZE], counts),
      };
      const create = await createSample(session(), { vocabSize: VOCAB_SIZE });
      run(session(), [create("sample", tensors)], 1);
      return {
        changed: await readFloats(session(), tensors.logits),
        counted: new Uint32Array(await readWords(session(), tensors.tokenCounts)),
      };
    }

    it.each<Partial<Sampling>>([
      { repetitionPenalty: 1.3 },
      { frequencyPenalty: 0.4 },
      { presencePenalty: 1.1 },
      { repetitionPenalty: 0.9, frequencyPenalty: -0.2, presencePenalty: 0.7 },
      { logitBias: LOGIT_BIAS.slice(0, 1) },
      { logitBias: LOGIT_BIAS },
      { logitBias: LOGIT_BIAS.slice(4), repetitionPenalty: 1.3, frequencyPenalty: 0.4, presencePenalty: 1.1 },
    ])("by %j, and counts the token drawn", async (changes) => {
      const sampling = { ...GREEDY, ...changes, temperature: 1, topK: 30, seed: 8 };
      const { changed, counted } = await sampleOnce(sampling);
      // A sum, one division, two products and two differences in f32.
      const biased = addLogitBias(logits, sampling);
      expect(relativeError(changed, penalise(biased, { inPrompt, numDrawn }, sampling))).toBeLessThan(3e-7);
      const biasedIds = new Set(sampling.logitBias.map(({ tokenId }) => tokenId));
      for (const [id, count] of counts.entries()) {
        if (count === 0 && !biasedIds.has(id)) expect(changed[id]).toBe(logits[id]);
      }
      const expected = counts.slice();
      expected[draw(distribution(changed, sampling), uniformDraw(8, 1))]! += 1;
      expect(counted).toEqual(expected);
    });

    it("only when a bias or penalty is on", async () => {
      expect((await sampleOnce({ ...GREEDY, temperature: 1 })).changed).toEqual(logits);
    });

    it("so that a bias forbids or forces a token of a greedy choice", async () => {
      const [best, worst] = [argmax(logits), argmax(logits.map((logit) => -logit))];
      const isDrawn = async (tokenId: number, bias: number) =>
        (await sampleOnce({ ...GREEDY, logitBias: [{ tokenId, bias }] })).counted[tokenId] === counts[tokenId]! + 1;
      expect(await isDrawn(best, 0)).toBe(true);
      expect(await isDrawn(best, -100)).toBe(false);
      expect(await isDrawn(worst, 0)).toBe(false);
      expect(await isDrawn(worst, 100)).toBe(true);
    });
  });
});

describe("the step after sample", () => {
  const VOCAB_SIZE = 300;
  const BEST = 271;

  async function createGreedy(endTokenIds: readonly number[], numTokens: number, tokenIds: readonly number[]) {
    const logits = new Float32Array(VOCAB_SIZE);
    logits[BEST] = 1;
    const tensors = {
      call: uploadCall(session(), { numTokens, endTokenIds }),
      step: uploadStep(session(), 1000, tokenIds),
      logits: upload(session(), "logits", [1, VOCAB_SIZE], logits),
      tokenCounts: upload(session(), "token counts", [VOCAB_SIZE], new Uint32Array(VOCAB_SIZE)),
    };
    const create = await createSample(session(), { vocabSize: VOCAB_SIZE });
    return { ...tensors, dispatch: create("sample", tensors) };
  }

  it("stands after the block, with the chosen token to be read next", async () => {
    const { step, tokenCounts, dispatch } = await createGreedy([2], 5, [9, 8, 7, 6, 5]);
    run(session(), [dispatch], 5);
    const words = new Uint32Array(await readWords(session(), step));
    const head = parseStepHead(words);
    expect([head.position, head.numDrawn, head.done, head.recentTokens[0]]).toEqual([1005, 1, false, BEST]);
    expect([...words.subarray(STEP_HEAD_WORDS)]).toEqual([BEST, 8, 7, 6, 5]);
    const counts = new Uint32Array(await readWords(session(), tokenCounts));
    expect([counts[BEST], counts.reduce((sum, count) => sum + count, 0)]).toEqual([1, 1]);
  });

  it("keeps the last 64 tokens in a ring, forced ones among them", async () => {
    const { step, dispatch } = await createGreedy([], 1, [0]);
    const forced = [3, 299, 0];
    for (let drawn = 0; drawn < RECENT_TOKENS + 6; drawn++) {
      // Word 3 is forced_token; the kernel must clear it after one use.
      const force = Uint32Array.of(forced[drawn - RECENT_TOKENS]);
      if (drawn >= RECENT_TOKENS && drawn < RECENT_TOKENS + 3)
        session().device.queue.writeBuffer(step.buffer, 12, force);
      run(session(), [dispatch], 1);
    }
    const head = parseStepHead(new Uint32Array(await readWords(session(), step)));
    expect([head.position, head.numDrawn]).toEqual([1000 + RECENT_TOKENS + 6, RECENT_TOKENS + 6]);
    const expected = new Uint32Array(RECENT_TOKENS).fill(BEST);
    expected.set(forced);
    expect(head.recentTokens).toEqual(expected);
  });

  it.each([[[BEST]], [[1, 2, 3, 4, 5, 6, 7, BEST]], [[1, 2, 3, 4, BEST]]])(
    "is done after an end token of %j, and later steps change nothing",
    async (endTokenIds) => {
      const { step, tokenCounts, dispatch } = await createGreedy(endTokenIds, 1, [0]);
      run(session(), [dispatch], 1);
      const stepWords = new Uint32Array(await readWords(session(), step));
      const counts = new Uint32Array(await readWords(session(), tokenCounts));
      expect([parseStepHead(stepWords).done, parseStepHead(stepWords).position, counts[BEST]]).toEqual([true, 1001, 1]);
      run(session(), [dispatch, dispatch], 1);
      expect(new Uint32Array(await readWords(session(), step))).toEqual(stepWords);
      expect(new Uint32Array(await readWords(session(), tokenCounts))).toEqual(counts);
    },
  );

  it("is not done after a token that only a stale end token names", async () => {
    const { step, call, dispatch } = await createGreedy([1, 2, BEST], 1, [0]);
    writeCall(session(), call, { numTokens: 1, numSegments: 1, sampling: GREEDY, endTokenIds: [1, 2] });
    run(session(), [dispatch], 1);
    expect(parseStepHead(new Uint32Array(await readWords(session(), step))).done).toBe(false);
  });
});
