import { describe, expect, it } from "vitest";
import { createIncrement } from "../../../src/kernels/increment.ts";
import { increment } from "../../../src/reference/kernels/increment.ts";
import { readWords, run, upload, useSession } from "../harness.ts";

const session = useSession();

describe("increment", () => {
  it.each([
    { start: 0, numDispatches: 1 },
    { start: 41, numDispatches: 100 },
    { start: 0xffffffff, numDispatches: 1000 },
  ])("counts $numDispatches dispatches of one pass from $start", async ({ start, numDispatches }) => {
    const create = await createIncrement(session());
    const count = upload(session(), "count", [1], Uint32Array.of(start));
    const dispatch = create("increment", count);
    run(
      session(),
      Array.from({ length: numDispatches }, () => dispatch),
      1,
    );
    const [actual] = new Uint32Array(await readWords(session(), count));
    expect(actual).toBe(increment(start, numDispatches));
  });
});
