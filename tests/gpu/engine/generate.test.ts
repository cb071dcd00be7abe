import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../../scripts/node/files.ts";
import { openHfCheckpoint } from "../../../src/checkpoint/hf-checkpoint.ts";
import { createHfSource } from "../../../src/checkpoint/hf-source.ts";
import { GREEDY, type Sampling } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import type { Sequence } from "../../../src/model/sequence.ts";
import type { Snapshot } from "../../../src/model/snapshot.ts";
import { useSession } from "../harness.ts";

const session = useSession();
const PROMPT = [5, 17, 200, 3, 9, 44, 91];
const NUM_TOKENS = 40;
/** Stops are reached from the last of these places before them; two runs, so that every place in a run is stopped at. */
const TOKENS_BETWEEN_STARTS = 8;
/** So that the GPU is always ahead of what is told: by up to 11 tokens. */
const PACE = { depth: 3, steps: 4 };
const SAMPLED: Sampling = {
  ...GREEDY,
  temperature: 1.3,
  topP: 0.95,
  repetitionPenalty: 1.2,
  frequencyPenalty: 0.4,
  presencePenalty: 0.2,
  logitBias: [{ tokenId: 44, bias: 3 }],
  seed: 7,
};

let model: Model;
let sequence: Sequence;

beforeAll(async () => {
  const folder = fileURLToPath(new URL("../../fixtures/golden-fused/", import.meta.url));
  const source = createHfSource(await openHfCheckpoint(openFolder(folder)), "f32");
  model = await Model.load(session(), source, { blockSize: 16 });
  sequence = await model.createSequence(256, { fixedPace: PACE });
});

const drawBy = (sampling: Sampling, endTokenIds: number[] = []) => ({ sampling, endTokenIds });

async function readPrompt(sampling: Sampling): Promise<number> {
  sequence.clear();
  return (await sequence.prefill(PROMPT, { output: "last", ...drawBy(sampling) }))!;
}

/** Tokens one at a time: each waits for the one before. */
async function decodeOneByOne(sampling: Sampling): Promise<number[]> {
  const tokens = [await readPrompt(sampling)];
  while (tokens.length < NUM_TOKENS) tokens.push(await sequence.decode(drawBy(sampling)));
  return tokens;
}

async function takeTokens(sampling: Sampling, count: number, limit: number): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of sequence.generate(drawBy(sampling), limit)) {
    tokens.push(token);
    if (tokens.length === count) break;
  }
  return tokens;
}

describe.each([
  ["greedy", GREEDY],
  ["sampled, with penalties and a bias", SAMPLED],
])("generate, %s", (_, sampling) => {
  it("gives the tokens that decoding one by one gives", async () => {
    const expected = await decodeOneByOne(sampling);
    const tokens = [await readPrompt(sampling), ...(await takeTokens(sampling, NUM_TOKENS, NUM_TOKENS - 1))];
    expect(tokens).toEqual(expected);
    expect(sequence.position).toBe(PROMPT.length + NUM_TOKENS - 1);
    expect([...sequence.log.tokenIds]).toEqual([...PROMPT, ...expected.slice(0, -1)]);
    expect(sequence.pendingToken).toBe(expected.at(-1));
  });

  it("stopped at any of 40 tokens goes on as if it had not been stopped", { timeout: 400_000 }, async () => {
    const expected = await decodeOneByOne(sampling);
    await readPrompt(sampling);
    const starts: Snapshot[] = [];
    for (let start = 0; start < NUM_TOKENS; start += TOKENS_BETWEEN_STARTS) {
      starts.push(sequence.snapshot());
      await takeTokens(sampling, TOKENS_BETWEEN_STARTS, TOKENS_BETWEEN_STARTS);
    }
    // From the last on: going back to a snapshot spoils those after it.
    for (let stop = NUM_TOKENS - 1; stop > 0; stop -= sampling === GREEDY ? 5 : 1) {
      const start = starts[Math.floor((stop - 1) / TOKENS_BETWEEN_STARTS)]!;
      sequence.restore(start);
      const numTaken = PROMPT.length + stop - start.position;
      expect(await takeTokens(sampling, numTaken, NUM_TOKENS)).toEqual(expected.slice(stop - numTaken + 1, stop + 1));
      expect(sequence.position).toBe(PROMPT.length + stop);
      expect(sequence.pendingToken).toBe(expected[stop]);
      const rest = expected.slice(stop + 1, stop + 7);
      expect(await takeTokens(sampling, rest.length, rest.length), `stopped after ${stop}`).toEqual(rest);
    }
    for (const start of starts) start.destroy();
  });
});

describe("generate", () => {
  it("ends with an end token, and the state goes on from there", async () => {
    const expected = await decodeOneByOne(SAMPLED);
    const first = expected.findIndex((token, index) => index >= 8 && expected.indexOf(token) === index);
    const tokens = [await readPrompt(SAMPLED)];
    for await (const token of sequence.generate(drawBy(SAMPLED, [expected[first]!]), NUM_TOKENS - 1))
      tokens.push(token);
    expect(tokens).toEqual(expected.slice(0, first + 1));
    expect(sequence.position).toBe(PROMPT.length + first);
    const rest = await takeTokens(SAMPLED, NUM_TOKENS, NUM_TOKENS - 1 - first);
    expect([...tokens, ...rest]).toEqual(expected);
  });

  it("takes back tokens of the last four runs, and further back only with a snapshot", async () => {
    const expected = await decodeOneByOne(SAMPLED);
    await readPrompt(SAMPLED);
    const start = sequence.snapshot();
    const numDrawn = 26;
    // Drawn in runs of 4 and one of 2, of which those that begin after 12, 16, 20 and 24 tokens are kept.
    for (const numBack of [0, 1, 2, 3, 7, 13, 14]) {
      sequence.restore(start);
      await takeTokens(SAMPLED, numDrawn, numDrawn);
      expect(await sequence.rewind(numBack)).toBe(true);
      const left = numDrawn - numBack;
      expect([...sequence.log.tokenIds]).toEqual([...PROMPT, ...expected.slice(0, left)]);
      expect(sequence.pendingToken).toBe(expected[left]);
      expect(await takeTokens(SAMPLED, 5, 5), `${numBack} back`).toEqual(expected.slice(left + 1, left + 6));
    }
    const rewindAfter = async (numBack: number, change: () => unknown) => {
      sequence.restore(start);
      await takeTokens(SAMPLED, numDrawn, numDrawn);
      await change();
      const { log, pendingToken } = sequence;
      const before = { log: structuredClone(log), pendingToken };
      const isBack = await sequence.rewind(numBack);
      if (!isBack) expect({ log: sequence.log, pendingToken: sequence.pendingToken }).toEqual(before);
      return isBack;
    };
    expect(await rewindAfter(15, () => undefined)).toBe(false);
    expect(await rewindAfter(99, () => undefined)).toBe(false);
    expect(await rewindAfter(1, () => sequence.restore(start))).toBe(false);
    expect(await rewindAfter(1, () => sequence.prefill([3, 4], { output: "last", ...drawBy(SAMPLED) }))).toBe(false);
    expect(await rewindAfter(1, () => sequence.rewind(14))).toBe(false);
    expect(await rewindAfter(3, () => sequence.rewind(10))).toBe(true);
    // After an end token, the runs behind it are none of the text's.
    const first = expected.findIndex((token, index) => index >= 5 && expected.indexOf(token) === index);
    for (const numBack of [1, 2, 3, 4]) {
      sequence.restore(start);
      for await (const token of sequence.generate(drawBy(SAMPLED, [expected[first]!]), numDrawn)) void token;
      await takeTokens(SAMPLED, 9, 9);
      expect(await sequence.rewind(numBack)).toBe(true);
      const left = first + 9 - numBack;
      expect(await takeTokens(SAMPLED, 4, 4)).toEqual(expected.slice(left + 1, left + 5));
    }
    start.destroy();
  });

  it("creates nothing, and submits and maps once for each run of four tokens", async () => {
    await readPrompt(GREEDY);
    await takeTokens(GREEDY, 16, 16);
    const before = { ...session().counters };
    const tokens = await takeTokens(GREEDY, 64, 64);
    const after = session().counters;
    expect(tokens.length).toBe(64);
    expect(after.buffersCreated - before.buffersCreated).toBe(0);
    expect(after.bindGroupsCreated - before.bindGroupsCreated).toBe(0);
    expect(after.pipelinesCreated - before.pipelinesCreated).toBe(0);
    expect(after.submits - before.submits).toBe(64 / PACE.steps);
    expect(after.mapCalls - before.mapCalls).toBe(64 / PACE.steps);
    // Two lightning layers of 4, a softmax layer of 4 and one for its segment; embed, head and sample.
    expect(after.dispatches - before.dispatches).toBe(64 * (2 * 2 + 4 + 3));
  });

  it("refuses without a pending token", async () => {
    sequence.clear();
    await expect(takeTokens(GREEDY, 1, 1)).rejects.toThrow("decode: expected a pending token, got none");
  });
});
