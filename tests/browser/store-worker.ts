// The engine's worker without a GPU: it really downloads, checks and keeps a model, and stops there.

import { createShardSource } from "../../src/checkpoint/shard-source.ts";
import { browserPorts } from "../../src/store/browser-ports.ts";
import { parseFailure } from "../../src/worker/failures.ts";
import type { WorkerEvent, WorkerRequest } from "../../src/worker/messages.ts";
import type { ReadyModel } from "../../src/worker/messages-model.ts";
import { ModelDownload } from "../../src/worker/model-download.ts";

const tell = (event: WorkerEvent) => self.postMessage(event);
const download = new ModelDownload(tell, browserPorts, new AbortController().signal);

async function load(modelUrl: string): Promise<ReadyModel> {
  const { manifest, files } = await download.begin(modelUrl, true);
  for (const file of manifest.files) await files.read(file);
  const source = createShardSource(manifest, files, { onProgress: (loadedBytes) => download.advance(loadedBytes) });
  for (const [name, { sizeBytes }] of source.tensors) {
    let length = 0;
    for await (const chunk of source.read(name)) length += chunk.length;
    if (length !== sizeBytes) throw new Error(`${name}: expected ${sizeBytes} bytes, got ${length}`);
  }
  await download.finish();
  const { config } = manifest;
  return {
    name: manifest.name,
    numParameters: manifest.numParameters,
    downloadBytes: download.totalBytes,
    numLayers: config.numLayers,
    numLightningLayers: 1,
    numExperts: config.numExperts,
    expertsPerToken: config.expertsPerToken,
    trainedContextLength: config.trainedContextLength,
    contextLength: 100,
    defaultSampling: manifest.sampling,
    recall: manifest.recall,
    gpu: { vendor: "none", architecture: "", description: "", isSoftware: false, features: [] },
  };
}

self.onmessage = ({ data: request }: MessageEvent<WorkerRequest>) => {
  if (request.kind === "fetchWeights") download.agree();
  if (request.kind === "tryNow") download.tryNow();
  if (request.kind !== "load") return;
  load(request.modelUrl).then(
    (model) => tell({ kind: "ready", model }),
    (error: unknown) => tell({ kind: "loadFailed", failure: parseFailure(error) }),
  );
};
