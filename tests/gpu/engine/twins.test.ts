// The twins of the Compare page, in q4, against what Transformers gives with the same rounding.

import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { openModelFolder } from "../../../scripts/node/files.ts";
import { readManifest } from "../../../src/chat/chat-model.ts";
import { createShardSource } from "../../../src/checkpoint/shard-source.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import type { Sequence } from "../../../src/model/sequence.ts";
import { largestError, readGoldenTensors } from "../../reference/golden.ts";
import { useSession } from "../harness.ts";

const session = useSession();
const LIGHTNING_LAYERS = { "twin-hybrid": 7, "twin-lightning": 8, "twin-softmax": 0 };
/** Where the two best logits are nearer than this, relative to the largest, rounding decides. */
const SMALLEST_GAP = 1e-3;
const PROMPTS = ["name"];

describe.each(Object.entries(LIGHTNING_LAYERS))("%s in q4", (name, numLightning) => {
  let golden: ReadonlyMap<string, Float32Array>;
  let sequence: Sequence;

  beforeAll(async () => {
    golden = await readGoldenTensors(`twins/${name}`);
    const files = openModelFolder(fileURLToPath(new URL(`../../../public/models/${name}/`, import.meta.url)));
    const model = await Model.load(session(), createShardSource(await readManifest(files), files));
    sequence = await model.createSequence(256);
  });

  it("has the attention its name says", () => {
    const { layerTypes } = sequence.model.config;
    expect(layerTypes.filter((type) => type === "linear_attention")).toHaveLength(numLightning);
    expect(layerTypes).toHaveLength(8);
  });

  it.each(PROMPTS)("gives Transformers' logits and greedy text on %s", async (prompt) => {
    const read = (what: string) => golden.get(`q4.${prompt}.${what}`)!;
    sequence.clear();
    const taps = (await sequence.prefill([...read("ids")], { output: "taps" }))!;
    const logits = taps.get("logits")!.values;
    expect(largestError(logits.subarray(-read("logits").length), read("logits"))).toBeLessThan(1e-3);
    const firstClose = read("gap").findIndex((gap) => gap < SMALLEST_GAP);
    const numTokens = Math.min(read("greedy").length, firstClose < 0 ? Infinity : firstClose);
    expect(numTokens).toBeGreaterThan(0);
    const draw = { sampling: GREEDY, endTokenIds: [] };
    sequence.clear();
    const ids = [(await sequence.prefill([...read("ids")], { output: "last", ...draw }))!];
    for await (const id of sequence.generate(draw, numTokens - 1)) ids.push(id);
    expect(ids).toEqual([...read("greedy").subarray(0, numTokens)]);
  });
});
