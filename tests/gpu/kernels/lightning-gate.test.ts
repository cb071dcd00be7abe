import { describe, expect, it } from "vitest";
import { createLightningGate } from "../../../src/kernels/lightning-gate.ts";
import { lightningGate } from "../../../src/reference/kernels/lightning-gate.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  relativeError,
  run,
  upload,
  uploadCall,
  useSession,
} from "../harness.ts";

const session = useSession();

describe("lightning_gate", () => {
  it.each([
    { numTokens: 1, attentionSize: 16, scale: 1 },
    { numTokens: 37, attentionSize: 72, scale: 100 },
    { numTokens: 100, attentionSize: 384, scale: 1 },
    // The mean square is about epsilon: an epsilon that is lost or added elsewhere changes the first digit.
    { numTokens: 5, attentionSize: 72, scale: 1e-3 },
  ])("norms and gates ($numTokens, $attentionSize) at scale $scale", async ({ numTokens, attentionSize, scale }) => {
    const random = createRandom(attentionSize + numTokens);
    const numValues = (numTokens + 3) * attentionSize;
    const before = randomArray(random, numValues, scale);
    const gateValues = randomArray(random, numValues, 6);
    const weightValues = randomArray(random, attentionSize);
    const create = await createLightningGate(session(), { attentionSize });
    const attentionOutput = upload(session(), "attention output", [numTokens + 3, attentionSize], before);
    const tensors = {
      call: uploadCall(session(), { numTokens }),
      weight: upload(session(), "weight", [attentionSize], weightValues),
      gate: upload(session(), "gate", [numTokens + 3, attentionSize], gateValues),
      attentionOutput,
    };
    run(session(), [create("lightning_gate", tensors)], numTokens + 3);
    const actual = await readFloats(session(), attentionOutput);
    const block = numTokens * attentionSize;
    const expected = lightningGate(before.subarray(0, block), weightValues, gateValues.subarray(0, block));
    // A few roundings and one exponential.
    expect(relativeError(actual, expected)).toBeLessThan(1e-6);
    expect([...actual.subarray(block)]).toEqual([...before.subarray(block)]);
  });
});
