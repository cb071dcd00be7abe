import { describe, expect, it } from "vitest";
import { createMoeSort } from "../../../src/kernels/moe-sort.ts";
import { moeSort } from "../../../src/reference/kernels/moe-sort.ts";
import { createOutput, createRandom, readWords, readWritten, run, upload, uploadCall, useSession } from "../harness.ts";

const session = useSession();

interface Shape {
  readonly numTokens: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

async function expectSorted({ numTokens, numExperts, expertsPerToken }: Shape, ids: Uint32Array): Promise<void> {
  const numSlots = numTokens * expertsPerToken;
  // Tokens past the block have experts too: they must not be counted.
  const idRows = new Uint32Array(numSlots + 3 * expertsPerToken);
  idRows.set(ids);
  const expertOffsets = createOutput(session(), "expert offsets", [numExperts + 1]);
  const sortedSlots = createOutput(session(), "sorted slots", [numSlots + 3 * expertsPerToken]);
  const create = await createMoeSort(session(), { numExperts, expertsPerToken });
  const tensors = {
    call: uploadCall(session(), { numTokens }),
    expertIds: upload(session(), "expert ids", [numTokens + 3, expertsPerToken], idRows),
    expertOffsets,
    sortedSlots,
  };
  run(session(), [create("moe_sort", tensors)], numTokens);
  const expected = moeSort(ids, numExperts);
  const offsets = [...new Uint32Array(await readWords(session(), expertOffsets))];
  expect(offsets).toEqual(expected.expertOffsets);
  const slots = new Uint32Array((await readWritten(session(), sortedSlots, numSlots)).buffer);
  // The order within an expert is free.
  for (let expert = 0; expert < numExperts; expert++) {
    slots.subarray(offsets[expert], offsets[expert + 1]).sort();
  }
  expect([...slots]).toEqual(expected.sortedSlots);
}

describe("moe_sort", () => {
  it.each<Shape>([
    { numTokens: 1, numExperts: 1, expertsPerToken: 1 },
    { numTokens: 37, numExperts: 5, expertsPerToken: 2 },
    { numTokens: 100, numExperts: 8, expertsPerToken: 2 },
    { numTokens: 300, numExperts: 32, expertsPerToken: 8 },
  ])("sorts $expertsPerToken choices of $numTokens tokens by $numExperts experts", async (shape) => {
    const random = createRandom(shape.numTokens);
    const ids = Uint32Array.from({ length: shape.numTokens * shape.expertsPerToken }, () =>
      Math.floor(((random() + 1) / 2) * shape.numExperts),
    );
    await expectSorted(shape, ids);
  });

  it("leaves experts without tokens empty, first, last and between", async () => {
    const ids = Uint32Array.from({ length: 80 }, (_, slot) => [1, 4][slot % 2]!);
    await expectSorted({ numTokens: 40, numExperts: 6, expertsPerToken: 2 }, ids);
    await expectSorted({ numTokens: 80, numExperts: 6, expertsPerToken: 1 }, new Uint32Array(80).fill(5));
  });
});
