// What the page needs to know of a loaded model and of the GPU.

import type { ChatModel } from "../chat/chat-model.ts";
import { isSoftwareAdapter } from "../gpu/adapter-name.ts";
import type { GpuSession } from "../gpu/session.ts";
import type { OpenGpuReport } from "./messages-engine.ts";
import type { ReadyModel } from "./messages-model.ts";

/** What a report tells of the device. */
export function describeGpu({ adapterInfo, device }: GpuSession): OpenGpuReport {
  const { vendor, architecture, device: name, description } = adapterInfo;
  const limits: Record<string, number> = {};
  // They are getters of the prototype.
  for (const limit in device.limits) {
    const value: unknown = device.limits[limit as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[limit] = value;
  }
  return {
    adapter: { vendor, architecture, device: name, description },
    features: ([...device.features] as string[]).sort(),
    limits,
  };
}

/** A model that is loaded, and the GPU that runs it. */
export function describeModel(
  chat: ChatModel,
  session: GpuSession,
  downloadBytes: number,
  contextLength: number,
): ReadyModel {
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
    contextLength,
    defaultSampling: chat.defaultSampling,
    recall: chat.recall,
    gpu: {
      vendor,
      architecture,
      description,
      isSoftware: isSoftwareAdapter(session.adapterInfo),
      features: [...session.features],
    },
  };
}
