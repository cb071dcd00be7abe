import { describe, expect, it } from "vitest";
import type { WeightFormat } from "../../../src/checkpoint/weight-source.ts";
import { createLightningOutputDecode } from "../../../src/kernels/lightning-output-decode.ts";
import { lightningOutputDecode } from "../../../src/reference/kernels/lightning-output-decode.ts";
import {
  createRandom,
  randomArray,
  readFloats,
  relativeError,
  run,
  upload,
  uploadWeights,
  useSession,
} from "../harness.ts";

const session = useSession();
const eps = 1e-5;
const alpha = 1.7;
const beta = 0.6;

describe.each<WeightFormat>(["f32", "f16", "q8", "q4"])("lightning_output_decode of %s weights", (format) => {
  it.each([
    { hiddenSize: 32, attentionSize: 16 },
    { hiddenSize: 96, attentionSize: 72 },
    { hiddenSize: 384, attentionSize: 320 },
    { hiddenSize: 64, attentionSize: 1100 },
  ])("projects ($attentionSize) to ($hiddenSize)", async ({ hiddenSize, attentionSize }) => {
    // Groups of 32 must be whole in q8 and q4; other widths are padded in f32 and f16.
    const width = format === "q8" || format === "q4" ? Math.ceil(attentionSize / 32) * 32 : attentionSize;
    const random = createRandom(hiddenSize + width);
    const hidden = randomArray(random, hiddenSize, 3);
    const norm = randomArray(random, hiddenSize);
    const attentionOutput = randomArray(random, width, 0.01);
    const attentionNorm = randomArray(random, width);
    const gate = randomArray(random, width).map(Math.abs);
    const rows = randomArray(random, hiddenSize * width, 4 / Math.sqrt(width));
    const outProj = uploadWeights(session(), "out_proj", format, hiddenSize, width, rows);
    const hiddenNext = upload(session(), "hidden next", [2, hiddenSize], new Float32Array(0));
    const constants = { format, hiddenSize, eps, attentionSize: width, alpha, beta };
    const create = await createLightningOutputDecode(session(), constants);
    const dispatch = create("lightning_output_decode", {
      hidden: upload(session(), "hidden", [1, hiddenSize], hidden),
      norm: upload(session(), "norm", [hiddenSize], norm),
      attentionOutput: upload(session(), "attention output", [1, width], attentionOutput),
      attentionNorm: upload(session(), "attention norm", [width], attentionNorm),
      gate: upload(session(), "gate", [1, width], gate),
      weights: outProj.matrix,
      hiddenNext,
    });
    run(session(), [dispatch], 1);
    const actual = await readFloats(session(), hiddenNext);
    const expected = lightningOutputDecode(
      hidden,
      norm,
      eps,
      attentionOutput,
      attentionNorm,
      gate,
      outProj.values,
      alpha,
      beta,
    );
    // f32 sums of up to 1120 products.
    expect(relativeError(actual, expected)).toBeLessThan(2e-6);
    expect(actual.subarray(hiddenSize)).toEqual(new Float32Array(hiddenSize));
  });
});
