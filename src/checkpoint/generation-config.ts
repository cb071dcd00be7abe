// A Hugging Face `generation_config.json`: how the model's makers sample from it, and where an answer ends.

import { ConfigFields } from "./config-fields.ts";
import { MAX_END_TOKENS } from "./config-limits.ts";
import type { SamplingDefaults } from "./manifest.ts";

export interface GenerationConfig {
  readonly sampling: SamplingDefaults;
  /** undefined: config.json says it. */
  readonly endTokenIds: readonly number[] | undefined;
}

/** `json` is `{}` for a checkpoint without the file. Throws CheckpointError naming the field. */
export function parseGenerationConfig(json: unknown, vocabSize: number): GenerationConfig {
  const fields = new ConfigFields("generation_config.json", json);
  const temperature = fields.number("temperature", { min: 0, max: 10 }, 1);
  return {
    sampling: {
      temperature: fields.boolean("do_sample", true) ? temperature : 0,
      topK: fields.integer("top_k", { min: 0 }, 0),
      topP: fields.number("top_p", { min: 0, max: 1 }, 1),
      minP: fields.number("min_p", { min: 0, max: 1 }, 0),
    },
    endTokenIds: fields.get("eos_token_id") === undefined ? undefined : parseEndTokenIds(fields, vocabSize),
  };
}

/** `eos_token_id`: a number, a list, or nothing. */
export function parseEndTokenIds(fields: ConfigFields, vocabSize: number): readonly number[] {
  const value = fields.get("eos_token_id") ?? [];
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isId = (id: unknown): id is number =>
    Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocabSize;
  if (ids.length > MAX_END_TOKENS || !ids.every(isId)) {
    return fields.fail("eos_token_id", `at most ${MAX_END_TOKENS} ids below vocab_size ${vocabSize}`);
  }
  return ids;
}
