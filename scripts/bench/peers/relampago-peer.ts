// Relampago's own engine as a peer among others.

import { createShardSource } from "../../../src/checkpoint/shard-source.ts";
import { GpuSession } from "../../../src/gpu/session.ts";
import { GREEDY } from "../../../src/kernels/call.ts";
import { Model } from "../../../src/model/model.ts";
import { bundledShaders } from "../../../src/worker/bundled-shaders.ts";
import type { LoadPeer } from "./peer.ts";
import { readServedManifest, servedFiles } from "./served-model.ts";

const DRAW = { sampling: GREEDY, endTokenIds: [] };

export const loadPeer: LoadPeer = async () => {
  const session = await GpuSession.open(navigator.gpu, { shaders: bundledShaders });
  const model = await Model.load(session, createShardSource(await readServedManifest(), servedFiles));
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
