// The sampling settings a person can change, with their ranges. Defaults come from the model.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { ReadyModel, SamplingSettings } from "../../worker/messages-model.ts";

export interface Settings extends SamplingSettings {
  /** A new seed for each answer; `seed` is then ignored. */
  readonly isSeedRandom: boolean;
  /** Tokens of one answer at most. */
  readonly maxTokens: number;
}

export interface Range {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

export type NumberSetting = "temperature" | "topK" | "topP" | "minP" | "seed" | "maxTokens";

export const MAX_SEED = 2 ** 32 - 1;

const DEFAULT_MAX_TOKENS = 512;

const UNTOLD_DEFAULTS: Settings = {
  temperature: 0.7,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: 0,
  isSeedRandom: true,
  maxTokens: DEFAULT_MAX_TOKENS,
};

export interface SamplingState {
  readonly settings: ReadonlySignal<Settings>;
  readonly ranges: ReadonlySignal<Readonly<Record<NumberSetting, Range>>>;
  readonly isDefault: ReadonlySignal<boolean>;
  /** Changes one number; what is out of range is moved to its end, what is no number is ignored. */
  change(name: NumberSetting, value: number): void;
  setSeedRandom(isRandom: boolean): void;
  reset(): void;
  /** The settings for one answer, with its own seed if that is random. */
  draw(): { readonly sampling: SamplingSettings; readonly maxTokens: number };
}

/** @param randomSeed a fresh unsigned 32-bit number at each call. */
export function createSampling(model: ReadonlySignal<ReadyModel | null>, randomSeed: () => number): SamplingState {
  const changes = signal<Partial<Settings>>({});

  const ranges = computed((): Readonly<Record<NumberSetting, Range>> => ({
    temperature: { min: 0, max: 2, step: 0.05 },
    topK: { min: 0, max: 1000, step: 1 },
    topP: { min: 0.05, max: 1, step: 0.05 },
    minP: { min: 0, max: 1, step: 0.01 },
    seed: { min: 0, max: MAX_SEED, step: 1 },
    maxTokens: { min: 1, max: model.value?.contextLength ?? DEFAULT_MAX_TOKENS, step: 1 },
  }));

  const defaults = computed((): Settings => ({
    ...UNTOLD_DEFAULTS,
    ...model.value?.defaultSampling,
    maxTokens: Math.min(DEFAULT_MAX_TOKENS, ranges.value.maxTokens.max),
  }));
  const settings = computed((): Settings => ({ ...defaults.value, ...changes.value }));

  return {
    settings,
    ranges,
    isDefault: computed(() => {
      const standard = defaults.value;
      const chosen = settings.value;
      const isSeedSame = chosen.isSeedRandom || chosen.seed === standard.seed;
      return (Object.keys(standard) as (keyof Settings)[]).every((name) =>
        name === "seed" ? isSeedSame : chosen[name] === standard[name],
      );
    }),
    change: (name, value) => {
      if (!Number.isFinite(value)) return;
      const { min, max, step } = ranges.value[name];
      const inside = Math.min(max, Math.max(min, value));
      changes.value = { ...changes.value, [name]: step === 1 ? Math.round(inside) : inside };
    },
    setSeedRandom: (isSeedRandom) => {
      changes.value = { ...changes.value, isSeedRandom };
    },
    reset: () => {
      changes.value = {};
    },
    draw: () => {
      const { temperature, topK, topP, minP, seed, isSeedRandom, maxTokens } = settings.value;
      return { sampling: { temperature, topK, topP, minP, seed: isSeedRandom ? randomSeed() : seed }, maxTokens };
    },
  };
}
