// The settings of a comparison as part of an address, so that a link shows another person the same. What is not in it, or
// is out of range, keeps its default.

import type { AnswerOrder } from "../../compare/answer-result.ts";
import { MAX_SEED } from "./sampling.ts";

/** What a link holds. */
export interface CompareSettings {
  /** Names of folders beside the site's models, or addresses. */
  readonly models: readonly string[];
  readonly prompt: string;
  readonly order: AnswerOrder;
  readonly temperature: number;
  readonly seed: number;
  readonly maxTokens: number;
  readonly raceTokens: number;
  readonly raceSeed: number;
  readonly inspectedText: string;
}

export const DEFAULT_SETTINGS: CompareSettings = {
  models: ["twin-hybrid", "twin-lightning", "twin-softmax"],
  prompt: "Who are you?",
  order: "in turns",
  temperature: 0,
  seed: 1,
  maxTokens: 64,
  raceTokens: 4096,
  raceSeed: 1,
  inspectedText:
    "The harbor of Tavira was quiet that morning. Fishermen mended their nets, and the gulls waited on the wall. The password of Clara Hughes is copper. What is the password of Clara Hughes?",
};

export interface NumberLimits {
  readonly min: number;
  readonly max: number;
}

export type NumberSetting = "temperature" | "seed" | "maxTokens" | "raceTokens" | "raceSeed";

export const LIMITS: Readonly<Record<NumberSetting, NumberLimits>> = {
  temperature: { min: 0, max: 2 },
  seed: { min: 0, max: MAX_SEED },
  maxTokens: { min: 1, max: 2048 },
  raceTokens: { min: 64, max: 1 << 20 },
  raceSeed: { min: 0, max: MAX_SEED },
};

const ORDERS: readonly AnswerOrder[] = ["in turns", "one after another"];
const TEXTS = ["prompt", "inspectedText"] as const;

/** `#/compare`, and after a question mark what differs from the defaults. */
export function formatLink(settings: CompareSettings): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(settings) as [keyof CompareSettings, string | number | string[]][]) {
    if (String(value) !== String(DEFAULT_SETTINGS[name])) query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? "#/compare" : `#/compare?${text}`;
}

export function parseLink(hash: string): CompareSettings {
  const query = new URLSearchParams(hash.split("?").slice(1).join("?"));
  const settings = { ...DEFAULT_SETTINGS } as { -readonly [Name in keyof CompareSettings]: CompareSettings[Name] };
  for (const name of Object.keys(LIMITS) as NumberSetting[]) {
    const value = clampSetting(name, Number(query.get(name) ?? NaN));
    if (value !== undefined) settings[name] = value;
  }
  for (const name of TEXTS) settings[name] = query.get(name) ?? settings[name];
  settings.order = ORDERS.find((order) => order === query.get("order")) ?? settings.order;
  const models = query.get("models")?.split(",").filter(Boolean) ?? [];
  if (models.length > 0) settings.models = models.slice(0, MAX_MODELS);
  return settings;
}

export const MAX_MODELS = 3;

/** Within its range; undefined for what is no number. */
export function clampSetting(name: NumberSetting, value: number): number | undefined {
  if (!Number.isFinite(value)) return undefined;
  const { min, max } = LIMITS[name];
  const whole = name === "temperature" ? value : Math.round(value);
  return Math.min(max, Math.max(min, whole));
}
