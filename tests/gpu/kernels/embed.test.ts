import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createEmbed } from "../../../src/kernels/embed.ts";
import { embed } from "../../../src/reference/kernels/embed.ts";
import { rowStrideBytes } from "../../../src/checkpoint/weight-source.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  run,
  upload,
  uploadCall,
  uploadStep,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("embed of a %s table", (format) => {
  it.each([
    { vocabSize: 1, hiddenSize: 32, tokenIds: [0] },
    { vocabSize: 50, hiddenSize: 96, tokenIds: [3, 49, 0, 3, 17] },
    { vocabSize: 300, hiddenSize: 2144, tokenIds: [299, 0, 128, 1] },
  ])("reads the rows of $tokenIds from ($vocabSize, $hiddenSize)", async ({ vocabSize, hiddenSize, tokenIds }) => {
    const rows = randomArray(createRandom(vocabSize), vocabSize * hiddenSize);
    const table = uploadWeights(session(), "embed_tokens", format, vocabSize, hiddenSize, rows);
    const numTokens = tokenIds.length;
    const hidden = upload(session(), "hidden", [numTokens + 1, hiddenSize], new Float32Array(0));
    const call = uploadCall(session(), { numTokens });
    const step = uploadStep(session(), 0, tokenIds);
    const create = await createEmbed(session(), { format, hiddenSize, firstRow: 0, numRows: vocabSize });
    run(session(), [create("embed", { call, step, weights: table.matrix, hidden })], numTokens + 1);
    const actual = await readFloats(session(), hidden);
    // Exact: a value is one product at most, in f32 in both.
    expect(actual.subarray(0, numTokens * hiddenSize)).toEqual(
      Float32Array.from(embed(table.values, tokenIds, hiddenSize)),
    );
    expect(actual.subarray(numTokens * hiddenSize)).toEqual(new Float32Array(hiddenSize));
  });

  it("reads a table in two ranges", async () => {
    const [vocabSize, hiddenSize, split] = [70, 64, 40];
    const rows = randomArray(createRandom(9), vocabSize * hiddenSize);
    const table = uploadWeights(session(), "embed_tokens", format, vocabSize, hiddenSize, rows);
    const tokenIds = [39, 40, 0, 69];
    const hidden = upload(session(), "hidden", [tokenIds.length, hiddenSize], new Float32Array(0));
    const call = uploadCall(session(), { numTokens: tokenIds.length });
    const step = uploadStep(session(), 0, tokenIds);
    const stride = rowStrideBytes(format, hiddenSize);
    const ranges = [
      { firstRow: 0, numRows: split },
      { firstRow: split, numRows: vocabSize - split },
    ];
    const dispatches = await Promise.all(
      ranges.map(async ({ firstRow, numRows }) => {
        const create = await createEmbed(session(), { format, hiddenSize, firstRow, numRows });
        const encoder = session().device.createCommandEncoder();
        const buffer = session().createBuffer(
          "range",
          "weights",
          numRows * stride,
          GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
        );
        encoder.copyBufferToBuffer(table.matrix.buffer, firstRow * stride, buffer, 0, numRows * stride);
        session().device.queue.submit([encoder.finish()]);
        const weights = { ...table.matrix, buffer, sizeBytes: numRows * stride, shape: [numRows, hiddenSize] };
        return create("embed", { call, step, weights, hidden });
      }),
    );
    run(session(), dispatches, tokenIds.length);
    expect(await readFloats(session(), hidden)).toEqual(Float32Array.from(embed(table.values, tokenIds, hiddenSize)));
  });
});
