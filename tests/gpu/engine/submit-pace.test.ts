import { describe, expect, it } from "vitest";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import { SubmitPace } from "../../../src/model/submit-pace.ts";
import { useSession } from "../harness.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../made-up-model.ts";

const session = useSession();

describe("SubmitPace", () => {
  it("cuts submits to 50 ms on a slow GPU", () => {
    const pace = new SubmitPace();
    pace.adapt(64, 640);
    expect(pace.maxDispatches).toBe(5);
    pace.adapt(5, 5000);
    expect(pace.maxDispatches).toBe(4);
  });

  it("grows twofold at a time on a fast GPU", () => {
    const pace = new SubmitPace();
    pace.adapt(64, 1);
    expect(pace.maxDispatches).toBe(128);
    for (let i = 0; i < 20; i++) pace.adapt(128, 1);
    expect(pace.maxDispatches).toBe(4096);
  });

  it("takes no note of nothing", () => {
    const pace = new SubmitPace();
    pace.adapt(0, 10);
    pace.adapt(10, 0);
    expect(pace.maxDispatches).toBe(64);
  });
});

describe("prefill", () => {
  it("gives the same numbers however its blocks are cut into submits", async () => {
    const source = createMadeUpSource(MADE_UP_CONFIG, createMadeUpWeights(MADE_UP_CONFIG, 3));
    const model = await Model.load(session(), source, { blockSize: 16 });
    const ids = Array.from({ length: 40 }, (_, i) => (i * 37) % 300);
    const draw = { sampling: { ...GREEDY, temperature: 1, seed: 7 }, endTokenIds: [] };
    const losses: number[] = [];
    const drawn: number[] = [];
    const submits: number[] = [];
    for (const elapsedMs of [100_000, 0.001]) {
      // As if the GPU had been found slow, then fast.
      for (let i = 0; i < 12; i++) model.prefillPace.adapt(64, elapsedMs);
      const sequence = await model.createSequence(64);
      const before = session().counters.submits;
      losses.push((await sequence.prefill(ids, { output: "loss" }))!);
      submits.push(session().counters.submits - before);
      sequence.clear();
      drawn.push((await sequence.prefill(ids, { output: "last", ...draw }))!);
      sequence.destroy();
    }
    expect(losses[1]).toBe(losses[0]);
    expect(drawn[1]).toBe(drawn[0]);
    expect(submits[0]).toBeGreaterThan(submits[1]!);
    model.destroy();
  });
});
