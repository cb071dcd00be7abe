import { expect, it } from "vitest";
import { type DecodePace, DecodePipeline } from "../../../src/model/decode-pipeline.ts";
import { useSession } from "../harness.ts";

const session = useSession();
const RUNS = [0, 1, 2, 3, 4, 5];

/** One whose runs were as fast as can be measured. */
function createPipeline(fixedPace?: DecodePace): DecodePipeline {
  const { buffer } = session().createStorage("step", "activations", [4]);
  const pipeline = new DecodePipeline(session(), "test", { buffer, offsetBytes: 0, sizeBytes: 16 }, [], fixedPace);
  adapt(pipeline, 16, 0);
  return pipeline;
}

/** Takes note of a run of `numSteps` that took `runMs`, all of them before now. */
function adapt(pipeline: DecodePipeline, numSteps: number, runMs: number): void {
  pipeline.adapt({ numSteps, submittedMs: performance.now() - runMs });
}

it("begins a text with a run of one step, doubles them up to the pace, and does so for the next text", () => {
  const pipeline = createPipeline();
  expect(RUNS.map((run) => pipeline.stepsOfRun(run))).toEqual([1, 2, 4, 8, 16, 16]);
  // The short runs of a text's beginning do not slow down what was measured before.
  adapt(pipeline, 1, 0);
  expect(RUNS.map((run) => pipeline.stepsOfRun(run))).toEqual([1, 2, 4, 8, 16, 16]);
});

it("leaves a fixed pace as it is", () => {
  const pipeline = createPipeline({ depth: 2, steps: 4 });
  expect(RUNS.map((run) => pipeline.stepsOfRun(run))).toEqual([4, 4, 4, 4, 4, 4]);
});
