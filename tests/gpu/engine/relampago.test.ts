// The shipped model, in q4, against what Transformers gives with the same rounding.

import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { openModelFolder } from "../../../scripts/node/files.ts";
import { readManifest } from "../../../src/chat/chat-model.ts";
import { createShardSource } from "../../../src/checkpoint/shard-source.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import type { Sequence } from "../../../src/model/sequence.ts";
import type { Snapshot } from "../../../src/model/snapshot.ts";
import { largestError, readGoldenTensors } from "../../reference/golden.ts";
import { useSession } from "../harness.ts";

const session = useSession();
const FOLDER = fileURLToPath(new URL("../../../public/models/relampago-71m/", import.meta.url));
/** Where the two best logits are nearer than this, relative to the largest, rounding decides. */
const SMALLEST_GAP = 1e-3;
/** Each token takes a software adapter half a second; tests/long/relampago.test.ts writes the texts to their ends. */
const MOST_TOKENS = 8;

let golden: ReadonlyMap<string, Float32Array>;
let sequence: Sequence;

beforeAll(async () => {
  golden = await readGoldenTensors("relampago-71m");
  const files = openModelFolder(FOLDER);
  const model = await Model.load(session(), createShardSource(await readManifest(files), files));
  sequence = await model.createSequence(256);
});

describe.each(["hello", "story", "name", "two_turns", "document"])("relampago-71m in q4 on %s", (name) => {
  const read = (what: string) => golden.get(`q4.${name}.${what}`)!;
  /** All of the prompt but its last token, which each test reads from here: a prompt takes a software adapter its time. */
  let beforeLast: Snapshot;

  beforeAll(async () => {
    sequence.clear();
    await sequence.prefill(read("ids").slice(0, -1), { output: "none" });
    beforeLast = sequence.snapshot();
  });

  it("gives Transformers' logits at the prompt's end", async () => {
    sequence.restore(beforeLast);
    const taps = (await sequence.prefill(read("ids").slice(-1), { output: "taps" }))!;
    expect(largestError(taps.get("logits")!.values, read("logits"))).toBeLessThan(1e-3);
  });

  it("writes Transformers' greedy text", async () => {
    const firstClose = read("gap").findIndex((gap) => gap < SMALLEST_GAP);
    const numTokens = Math.min(MOST_TOKENS, read("greedy").length, firstClose < 0 ? Infinity : firstClose);
    expect(numTokens).toBeGreaterThan(3);
    const draw = { sampling: GREEDY, endTokenIds: [] };
    sequence.restore(beforeLast);
    const ids = [(await sequence.prefill(read("ids").slice(-1), { output: "last", ...draw }))!];
    for await (const id of sequence.generate(draw, numTokens - 1)) ids.push(id);
    expect(ids).toEqual([...read("greedy").subarray(0, numTokens)]);
  });
});
