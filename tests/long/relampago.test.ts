// The shipped model's whole greedy texts, of which tests/gpu/engine/relampago.test.ts has the beginnings.

import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openModelFolder } from "../../scripts/node/files.ts";
import { readManifest } from "../../src/chat/chat-model.ts";
import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import { GREEDY } from "../../src/kernels/call.ts";
import { Model } from "../../src/model/model.ts";
import { useSession } from "../gpu/harness.ts";
import { readGoldenTensors } from "../reference/golden.ts";

const session = useSession();
const FOLDER = fileURLToPath(new URL("../../public/models/relampago-71m/", import.meta.url));
/** Where the two best logits are nearer than this, relative to the largest, rounding decides. */
const SMALLEST_GAP = 1e-3;

it("relampago-71m in q4 writes Transformers' greedy texts to their ends, or to where rounding decides", async () => {
  const golden = await readGoldenTensors("relampago-71m");
  const files = openModelFolder(FOLDER);
  const model = await Model.load(session(), createShardSource(await readManifest(files), files));
  const sequence = await model.createSequence(256);
  const draw = { sampling: GREEDY, endTokenIds: [] };
  let numWritten = 0;
  for (const name of ["hello", "story", "name", "two_turns", "document"]) {
    const read = (what: string) => golden.get(`q4.${name}.${what}`)!;
    const firstClose = read("gap").findIndex((gap) => gap < SMALLEST_GAP);
    const numTokens = firstClose < 0 ? read("greedy").length : firstClose;
    sequence.clear();
    const ids = [(await sequence.prefill(read("ids"), { output: "last", ...draw }))!];
    for await (const id of sequence.generate(draw, numTokens - 1)) ids.push(id);
    expect(ids, name).toEqual([...read("greedy").subarray(0, numTokens)]);
    numWritten += ids.length;
  }
  expect(numWritten).toBeGreaterThan(60);
});
