// Decode's kernels take larger workgroups on GPUs than on the software adapter that runs these tests: both are right.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Model } from "../../../src/model/model.ts";
import { compareTaps, describeDivergence } from "../../../src/reference/compare.ts";
import { createReferenceState, referenceForward } from "../../../src/reference/model.ts";
import { type Golden, readGolden } from "../../reference/golden.ts";
import { useSession } from "../harness.ts";

const session = useSession();
/** As in parity.test.ts. */
const TOLERANCE = 2e-5;
/** Every kernel runs at each of them; a software adapter is slow with large workgroups. */
const NUM_TOKENS = 8;

let adapterInfo: GPUAdapterInfo;
beforeAll(() => {
  adapterInfo = session().adapterInfo;
});
afterAll(() => {
  Object.assign(session(), { adapterInfo });
});

describe.each(["golden-tiny", "golden-fused", "golden-wide"])("decode of %s", (name) => {
  let golden: Golden;
  beforeAll(async () => {
    golden = await readGolden(name);
  });

  it.each([4, 32])("on an adapter with subgroups of %i equals the reference", async (subgroupMaxSize) => {
    Object.assign(session(), { adapterInfo: { ...adapterInfo, subgroupMaxSize } });
    const ids = [...golden.prompts[0]!.ids.subarray(0, NUM_TOKENS)];
    const { weights, source } = golden;
    const expected = new Map<string, Float64Array>();
    const logits = referenceForward(weights, createReferenceState(weights.config), ids, {
      onTap: (tap, values) => expected.set(tap, values),
    });
    expected.set("logits", logits);
    const model = await Model.load(session(), source, { blockSize: 32 });
    const sequence = await model.createSequence(32);
    expect(describeDivergence(compareTaps(await sequence.replayTaps(ids), expected), TOLERANCE)).toBeUndefined();
    sequence.destroy();
    model.destroy();
  });
});
