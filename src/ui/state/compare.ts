// The comparison as the page shows it: which models, what is measured, and what was found so far.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { AnswerState } from "../../compare/answer-result.ts";
import type { RaceLane } from "../../compare/race-result.ts";
import { RECALL_PLAN, type RecallCell } from "../../compare/recall-result.ts";
import type { ComparedModel, ComparedSize, CompareEvent, CompareTask } from "../../worker/messages-compare.ts";
import type { Failure } from "../../worker/messages-engine.ts";
import type { WorkerRequest } from "../../worker/messages.ts";
import { type CompareSettings, DEFAULT_SETTINGS, parseLink } from "./compare-link.ts";
import { type CompareInspection, createInspection } from "./compare-inspection.ts";

export type ComparePhase =
  | { readonly state: "closed" }
  /** The manifests are being read. */
  | { readonly state: "weighing" }
  | { readonly state: "asking"; readonly sizes: readonly ComparedSize[] }
  | { readonly state: "loading"; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly state: "open"; readonly models: readonly ComparedModel[] }
  | { readonly state: "failed"; readonly failure: Failure };

/** What runs or waits. */
export interface CompareActivity {
  readonly task: CompareTask;
  readonly isStopping: boolean;
}

export interface CompareState {
  readonly phase: ReadonlySignal<ComparePhase>;
  readonly models: ReadonlySignal<readonly ComparedModel[]>;
  readonly settings: ReadonlySignal<CompareSettings>;
  /** Instead of the sample; empty: the sample. Too long for a link. */
  readonly raceText: Signal<string>;
  readonly activity: ReadonlySignal<CompareActivity | null>;
  /** Of the last measurement, if it failed. */
  readonly failure: ReadonlySignal<{ readonly task: CompareTask; readonly failure: Failure } | null>;
  /** By model; null where nothing has come yet. */
  readonly answers: ReadonlySignal<readonly (AnswerState | null)[]>;
  /** By model, as far as they are. */
  readonly lanes: ReadonlySignal<readonly RaceLane[]>;
  readonly cells: ReadonlySignal<readonly RecallCell[]>;
  readonly inspection: CompareInspection;
  readonly announcement: ReadonlySignal<string>;
  change(settings: Partial<CompareSettings>): void;
  /** Takes the settings of an address. */
  follow(hash: string): void;
  /** Opens the chosen models, unless they are open or on their way. */
  open(): void;
  agree(): void;
  answer(): void;
  race(): void;
  recall(): void;
  inspect(): void;
  stop(): void;
  apply(event: CompareEvent): void;
  /** The engine is gone, and with it the models. */
  abandon(): void;
}

export interface ComparePorts {
  send(request: WorkerRequest): void;
  /** Where a model's name leads. */
  modelUrl(name: string): string;
  /** Whether the person is asked before so many bytes are fetched. */
  mustAsk(missingBytes: number): boolean;
}

const ANNOUNCEMENTS: Readonly<Record<CompareTask, readonly [string, string]>> = {
  open: ["Opening the models.", "The models are open."],
  answer: ["The models are answering.", "The answers are complete."],
  race: ["The race is on.", "The race is over."],
  recall: ["Recall is being measured.", "Recall was measured."],
  inspect: ["The text is being read.", "The text was read."],
};

export function createCompare({ send, modelUrl, mustAsk }: ComparePorts): CompareState {
  const phase = signal<ComparePhase>({ state: "closed" });
  const settings = signal(DEFAULT_SETTINGS);
  const activity = signal<CompareActivity | null>(null);
  const failure = signal<{ readonly task: CompareTask; readonly failure: Failure } | null>(null);
  const answers = signal<readonly (AnswerState | null)[]>([]);
  const lanes = signal<readonly RaceLane[]>([]);
  const cells = signal<readonly RecallCell[]>([]);
  const announcement = signal("");
  const inspection = createInspection(send);
  const raceText = signal("");
  const models = computed(() => (phase.value.state === "open" ? phase.value.models : []));

  const forget = (): void => {
    answers.value = [];
    lanes.value = [];
    cells.value = [];
    inspection.clear();
    activity.value = null;
    failure.value = null;
  };

  const begin = (task: CompareTask, request: WorkerRequest): void => {
    if (phase.value.state !== "open" || activity.value !== null) return;
    activity.value = { task, isStopping: false };
    send(request);
  };

  const clearTask = (task: CompareTask): void => {
    failure.value = null;
    switch (task) {
      case "open":
        return;
      case "answer":
        answers.value = models.value.map(() => null);
        return;
      case "race":
        lanes.value = [];
        return;
      case "recall":
        cells.value = [];
        return;
      case "inspect":
        return inspection.clear();
    }
  };

  const end = (task: CompareTask): void => {
    // Opening that was stopped or given up leaves nothing open.
    if (task === "open" && phase.value.state !== "open") phase.value = { state: "closed" };
    activity.value = null;
    announcement.value = ANNOUNCEMENTS[task][1];
  };

  /** A lane as far as it is. */
  const changeLane = (index: number, change: (lane: RaceLane) => RaceLane): void => {
    const { name, stateSize } = models.value[index]!;
    const empty = { name, stateSize, blockSize: 0, reads: [], writes: [], isComplete: false };
    const changed = change(lanes.value[index] ?? empty);
    lanes.value = [...lanes.value.slice(0, index), changed, ...lanes.value.slice(index + 1)];
  };

  const apply = (event: CompareEvent): void => {
    switch (event.kind) {
      case "compareSize": {
        const missingBytes = event.models.reduce((sum, { totalBytes, keptBytes }) => sum + totalBytes - keptBytes, 0);
        if (mustAsk(missingBytes)) phase.value = { state: "asking", sizes: event.models };
        else agree(event.models);
        return;
      }
      case "compareLoading":
        if (phase.value.state === "loading") {
          phase.value = { state: "loading", loadedBytes: event.loadedBytes, totalBytes: event.totalBytes };
        }
        return;
      case "compareReady":
        phase.value = { state: "open", models: event.models };
        return;
      case "compareBegun":
        announcement.value = ANNOUNCEMENTS[event.task][0];
        return clearTask(event.task);
      case "compareEnded":
        return end(event.task);
      case "compareFailed":
        activity.value = null;
        announcement.value = "";
        if (event.task === "open") phase.value = { state: "failed", failure: event.failure };
        else failure.value = { task: event.task, failure: event.failure };
        return;
      case "compareAnswering":
        answers.value = answers.value.map((known, index) => (index === event.index ? event.state : known));
        return;
      case "compareRead":
        return changeLane(event.index, (lane) => ({ ...lane, reads: [...lane.reads, event.point] }));
      case "compareWrote":
        return changeLane(event.index, (lane) => ({ ...lane, writes: [...lane.writes, event.point] }));
      case "compareLane":
        return changeLane(event.index, () => event.lane);
      case "compareRecalled":
        cells.value = [...cells.value, event.cell];
        return;
      case "compareInspected":
        return inspection.show(event);
      case "compareWeights":
        return inspection.showWeights(event);
    }
  };

  const agree = (sizes: readonly ComparedSize[]): void => {
    const totalBytes = sizes.reduce((sum, size) => sum + size.totalBytes, 0);
    phase.value = { state: "loading", loadedBytes: 0, totalBytes };
    send({ kind: "compareAgree" });
  };

  return {
    phase,
    models,
    settings,
    raceText,
    activity,
    failure,
    answers,
    lanes,
    cells,
    inspection,
    announcement,
    change: (changed) => {
      settings.value = { ...settings.value, ...changed };
    },
    follow: (hash) => {
      settings.value = parseLink(hash);
    },
    open: () => {
      if (phase.value.state === "weighing" || phase.value.state === "loading") return;
      batch(() => {
        forget();
        phase.value = { state: "weighing" };
        activity.value = { task: "open", isStopping: false };
      });
      send({ kind: "compareOpen", modelUrls: settings.value.models.map(modelUrl) });
    },
    agree: () => {
      if (phase.value.state === "asking") agree(phase.value.sizes);
    },
    answer: () => {
      const { prompt, order, temperature, seed, maxTokens } = settings.value;
      if (prompt.trim() === "") return;
      const sampling = { temperature, topK: 0, topP: 1, minP: 0, seed };
      begin("answer", { kind: "compareAnswer", plan: { prompt: prompt.trim(), sampling, maxTokens, order } });
    },
    race: () => {
      const { raceTokens: numTokens, raceSeed: seed } = settings.value;
      const text = raceText.value.trim() === "" ? null : raceText.value;
      begin("race", { kind: "compareRace", text: { numTokens, text, seed } });
    },
    recall: () => begin("recall", { kind: "compareRecall", plan: RECALL_PLAN }),
    inspect: () => {
      const { inspectedText } = settings.value;
      if (inspectedText.trim() !== "") begin("inspect", { kind: "compareInspect", text: inspectedText });
    },
    stop: () => {
      if (activity.value === null || activity.value.isStopping) return;
      activity.value = { ...activity.value, isStopping: true };
      send({ kind: "stopCompare" });
    },
    apply: (event) => batch(() => apply(event)),
    abandon: () => {
      batch(() => {
        forget();
        phase.value = { state: "closed" };
        announcement.value = "";
      });
    },
  };
}
