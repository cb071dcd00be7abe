// A race of 2,000 tokens with the real twins: the slopes of used bytes are those that the configs give, exactly.

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openModelFolder } from "../../scripts/node/files.ts";
import { loadChatModel, readManifest } from "../../src/chat/chat-model.ts";
import { memoryCrossings } from "../../src/compare/findings.ts";
import { chronicleIds } from "../../src/compare/race-text.ts";
import type { RaceLane } from "../../src/compare/race-result.ts";
import { runLane } from "../../src/compare/race.ts";
import { GpuSession } from "../../src/gpu/session.ts";
import { useSession } from "../gpu/harness.ts";

const session = useSession();
const NUM_TOKENS = 2000;

test("used bytes grow by what the config says, point by point", async () => {
  const lanes: RaceLane[] = [];
  for (const name of ["twin-hybrid", "twin-lightning", "twin-softmax"]) {
    const files = openModelFolder(fileURLToPath(new URL(`../../public/models/${name}/`, import.meta.url)));
    const beside = GpuSession.beside(session());
    const chat = await loadChatModel(beside, await readManifest(files), files, { model: { blockSize: 128 } });
    const ids = chronicleIds(chat.tokenizer, NUM_TOKENS, 1);
    const lane = await runLane(chat, ids, { writeAt: [NUM_TOKENS], writeRuns: 1 });
    const { layerTypes, numKvHeads, headDim } = chat.model.config;
    const numSoftmax = layerTypes.filter((type) => type === "full_attention").length;
    // A key and a value of f16 numbers in each softmax layer.
    const bytesPerToken = numSoftmax * 2 * numKvHeads * headDim * 2;
    expect(lane.isComplete).toBe(true);
    expect(lane.reads.at(-1)!.position).toBe(NUM_TOKENS);
    for (const { position, used } of lane.reads) {
      expect(used.keys).toBe(bytesPerToken * position);
      expect(used.recurrentState).toBe(lane.stateSize.fixedBytes);
    }
    lanes.push(lane);
    beside.close();
  }
  // Where measured lines cross is where the configs say they do.
  for (const { more, less, fromToken } of memoryCrossings(lanes)) {
    const bytesOf = (name: string) => lanes.find((lane) => lane.name === name)!.reads;
    for (const [point, { position, used }] of bytesOf(more).entries()) {
      const other = bytesOf(less)[point]!.used;
      expect(used.keys + used.recurrentState > other.keys + other.recurrentState).toBe(position >= fromToken);
    }
  }
});
