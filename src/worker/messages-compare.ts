// The protocol of comparing: models in, one measurement at a time, what is found out. Types only.

import type { AnswerPlan, AnswerState } from "../compare/answer-result.ts";
import type { InspectedModel, TokenWeights } from "../compare/inspection-result.ts";
import type { RaceLane, ReadPoint, WritePoint } from "../compare/race-result.ts";
import type { RecallCell, RecallPlan } from "../compare/recall-result.ts";
import type { StateSize } from "../compare/state-size.ts";
import type { Failure } from "./messages-engine.ts";

/** What can be done with the models. */
export type CompareTask = "open" | "answer" | "race" | "recall" | "inspect";

/** How many tokens of which text: a person's own, or the sample chronicle of a seed. */
export interface RaceText {
  /** Of an own text, at most. */
  readonly numTokens: number;
  readonly text: string | null;
  readonly seed: number;
}

export type CompareRequest =
  /** Answered by `compareSize`, and after `compareAgree` by `compareReady` or `compareFailed`. Models that were open are
   * closed. */
  | { readonly kind: "compareOpen"; readonly modelUrls: readonly string[] }
  /** Has the weights fetched. */
  | { readonly kind: "compareAgree" }
  /** Each of these is answered by `compareBegun`, again if the device was lost and it begins anew; by what is found; and by
   * `compareEnded` or `compareFailed`. */
  | { readonly kind: "compareAnswer"; readonly plan: AnswerPlan }
  | { readonly kind: "compareRace"; readonly text: RaceText }
  | { readonly kind: "compareRecall"; readonly plan: RecallPlan }
  | { readonly kind: "compareInspect"; readonly text: string }
  /** Answered at once by `compareWeights`, from the text that was inspected last. */
  | { readonly kind: "compareToken"; readonly token: number }
  /** Ends what runs or waits of comparing soon. */
  | { readonly kind: "stopCompare" };

/** What is to be fetched of a model. */
export interface ComparedSize {
  readonly name: string;
  readonly totalBytes: number;
  /** Of those, the bytes that this browser has kept. */
  readonly keptBytes: number;
}

/** A model that is open. */
export interface ComparedModel {
  readonly name: string;
  readonly numParameters: number;
  /** By layer. */
  readonly layerTypes: readonly string[];
  readonly stateSize: StateSize;
  readonly trainedContextLength: number | null;
  /** On the GPU, without any text. */
  readonly allocatedBytes: number;
}

export type CompareEvent =
  | { readonly kind: "compareSize"; readonly models: readonly ComparedSize[] }
  | { readonly kind: "compareLoading"; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly kind: "compareReady"; readonly models: readonly ComparedModel[] }
  | { readonly kind: "compareBegun"; readonly task: CompareTask }
  | { readonly kind: "compareEnded"; readonly task: CompareTask }
  | { readonly kind: "compareFailed"; readonly task: CompareTask; readonly failure: Failure }
  /** Indices are those of the models. */
  | { readonly kind: "compareAnswering"; readonly index: number; readonly state: AnswerState }
  | { readonly kind: "compareRead"; readonly index: number; readonly point: ReadPoint }
  | { readonly kind: "compareWrote"; readonly index: number; readonly point: WritePoint }
  | { readonly kind: "compareLane"; readonly index: number; readonly lane: RaceLane }
  | { readonly kind: "compareRecalled"; readonly cell: RecallCell }
  /** Tokens as text, and what does not depend on a chosen one. */
  | {
      readonly kind: "compareInspected";
      readonly tokens: readonly string[];
      readonly isCut: boolean;
      readonly models: readonly InspectedModel[];
    }
  | { readonly kind: "compareWeights"; readonly token: number; readonly models: readonly TokenWeights[] };
