// Small models with made-up weights that differ in attention alone, each in a session of its own beside the test's.

import type { ModelConfig } from "../../src/checkpoint/model-config.ts";
import type { Contender } from "../../src/compare/contender.ts";
import { GpuSession } from "../../src/gpu/session.ts";
import { Model, type ModelOptions } from "../../src/model/model.ts";
import { ChatTemplate } from "../../src/text/chat-template.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "../gpu/made-up-model.ts";
import { tokenizer, tokenizerConfigJson } from "../text/fixtures.ts";

export const LAYER_TYPES = {
  hybrid: ["linear_attention", "full_attention", "linear_attention"],
  lightning: ["linear_attention", "linear_attention", "linear_attention"],
  softmax: ["full_attention", "full_attention", "full_attention"],
} as const satisfies Record<string, ModelConfig["layerTypes"]>;

export type Mode = keyof typeof LAYER_TYPES;

export function configOf(mode: Mode): ModelConfig {
  return { ...MADE_UP_CONFIG, layerTypes: LAYER_TYPES[mode] };
}

export function sourceOf(mode: Mode) {
  const config = configOf(mode);
  return createMadeUpSource(config, createMadeUpWeights(config, 3));
}

export async function createContender(
  session: GpuSession,
  mode: Mode,
  options: ModelOptions = { kvFormat: "f16", blockSize: 32 },
): Promise<Contender> {
  return {
    name: mode,
    model: await Model.load(GpuSession.beside(session), sourceOf(mode), options),
    tokenizer,
    template: ChatTemplate.parse(tokenizerConfigJson, tokenizer),
    endTokenIds: MADE_UP_CONFIG.endTokenIds,
  };
}

/** Ids of no meaning. */
export function makeIds(length: number): number[] {
  return Array.from({ length }, (_, index) => 3 + ((index * 7919) % 8000));
}
