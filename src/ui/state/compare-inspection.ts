// A text that was read with every tensor brought back, and which part of it is looked at: a token, a model, a layer, a head.

import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { CompareEvent } from "../../worker/messages-compare.ts";
import type { WorkerRequest } from "../../worker/messages.ts";

export type InspectedText = Extract<CompareEvent, { kind: "compareInspected" }>;
export type WeightsOfToken = Extract<CompareEvent, { kind: "compareWeights" }>;

export interface CompareInspection {
  readonly text: ReadonlySignal<InspectedText | null>;
  /** Of the token that is looked at. */
  readonly weights: ReadonlySignal<WeightsOfToken | null>;
  /** Indices. */
  readonly model: Signal<number>;
  readonly layer: Signal<number>;
  readonly head: Signal<number>;
  /** Looks at what another token takes from those before it. */
  choose(token: number): void;
  show(text: InspectedText): void;
  showWeights(weights: WeightsOfToken): void;
  clear(): void;
}

export function createInspection(send: (request: WorkerRequest) => void): CompareInspection {
  const text = signal<InspectedText | null>(null);
  const weights = signal<WeightsOfToken | null>(null);
  const [model, layer, head] = [signal(0), signal(0), signal(0)];
  return {
    text,
    weights,
    model,
    layer,
    head,
    choose: (token) => send({ kind: "compareToken", token }),
    show: (shown) => {
      batch(() => {
        text.value = shown;
        model.value = Math.min(model.value, shown.models.length - 1);
        const { layers, numHeads } = shown.models[model.value]!;
        layer.value = Math.min(layer.value, layers.length - 1);
        head.value = Math.min(head.value, numHeads - 1);
      });
    },
    showWeights: (shown) => {
      weights.value = shown;
    },
    clear: () => {
      batch(() => {
        text.value = null;
        weights.value = null;
      });
    },
  };
}
