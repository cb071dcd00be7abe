// Relampago's own engine as a peer among others.

import { readManifest } from "../../../src/chat/chat-model.ts";
import { createShardSource } from "../../../src/checkpoint/shard-source.ts";
import { GpuSession } from "../../../src/gpu/session.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import { bundledShaders } from "../../../src/worker/bundled-shaders.ts";
import { fetchFromUrl } from "../../../src/worker/fetch-file.ts";
import { type LoadPeer, MODEL_PATH } from "./peer.ts";

const DRAW = { sampling: GREEDY, endTokenIds: [] };

export const loadPeer: LoadPeer = async () => {
  const files = fetchFromUrl(new URL(MODEL_PATH, location.href).href);
  const session = await GpuSession.open(navigator.gpu, { shaders: bundledShaders });
  const model = await Model.load(session, createShardSource(await readManifest(files), files));
  const sequence = await model.createSequence();
  return {
    description: "Relampago, WebGPU",
    run: async ({ ids }, numTokens, onRead) => {
      sequence.clear();
      const start = performance.now();
      const first = await sequence.prefill(ids, { output: "last", ...DRAW });
      const readMs = performance.now() - start;
      await onRead();
      const answer = [first!];
      const writeStart = performance.now();
      for await (const id of sequence.generate(DRAW, numTokens)) answer.push(id);
      return { readMs, writeMs: performance.now() - writeStart, answer };
    },
  };
};
