// The tokenizer of the shipped model and what Transformers computes with it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "../../src/text/tokenizer.ts";

interface EncodingCase {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly decoded_skip_special: string;
}

interface TemplateCase {
  readonly messages: readonly { readonly role: "system" | "user" | "assistant"; readonly content: string }[];
  readonly add_generation_prompt: boolean;
  readonly text: string;
  readonly ids: readonly number[];
}

interface TokenizerJson {
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
  readonly decoder: object;
  readonly model: {
    readonly type: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
  };
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url)), "utf8"));
}

export const tokenizerJson = readJson("relampago-71m/tokenizer.json") as TokenizerJson;
export const tokenizerConfigJson = readJson("relampago-71m/tokenizer_config.json") as Readonly<Record<string, unknown>>;
export const { cases, templates } = readJson("tokenizer-cases.json") as {
  readonly cases: readonly EncodingCase[];
  readonly templates: readonly TemplateCase[];
};
export const tokenizer = Tokenizer.parse(tokenizerJson, tokenizerConfigJson);
