// What the page needs to know of a loaded model.

import type { ChatModel } from "../chat/chat-model.ts";
import { isSoftwareAdapter } from "../gpu/adapter-name.ts";
import type { GpuSession } from "../gpu/session.ts";
import type { ReadyModel } from "./messages-model.ts";

/** A model that is loaded, and the GPU that runs it. */
export function describeModel(chat: ChatModel, session: GpuSession, downloadBytes: number): ReadyModel {
  const { config } = chat.model;
  const { vendor, architecture, description } = session.adapterInfo;
  return {
    name: chat.name,
    numParameters: chat.numParameters,
    downloadBytes,
    numLayers: config.numLayers,
    numLightningLayers: config.layerTypes.filter((type) => type === "linear_attention").length,
    numExperts: config.numExperts,
    expertsPerToken: config.expertsPerToken,
    trainedContextLength: config.trainedContextLength,
    contextLength: chat.contextLength,
    defaultSampling: chat.defaultSampling,
    gpu: {
      vendor,
      architecture,
      description,
      isSoftware: isSoftwareAdapter(session.adapterInfo),
      features: [...session.features],
    },
  };
}
