// The long document as the page shows it: what is open, how far it is read, what was measured, what was asked.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { ReadingRecord } from "../../document/reading-record.ts";
import type {
  DocumentEvent,
  DocumentOutline,
  DocumentRequest,
  DocumentWindow,
  KeptDocument,
} from "../../worker/messages-document.ts";
import type { SamplingSettings } from "../../worker/messages-model.ts";
import { type DocumentPhase, NO_PROGRESS, type ReadingProgress } from "./document-phase.ts";
import { documentProblem } from "./document-problem.ts";
import { createQuestions, type QuestionsState } from "./document-questions.ts";
import { NO_SERIES, type ReadingSeries, seriesOf } from "./reading-series.ts";

export type TextSource = Extract<DocumentRequest, { kind: "openDocument" }>["source"];

export interface DocumentState {
  readonly phase: ReadonlySignal<DocumentPhase>;
  /** Of what is open and counted. */
  readonly outline: ReadonlySignal<DocumentOutline | null>;
  readonly progress: ReadonlySignal<ReadingProgress>;
  readonly series: ReadonlySignal<ReadingSeries>;
  readonly questions: QuestionsState;
  /** What is pasted, not opened yet. */
  readonly pasted: Signal<string>;
  readonly sampleTokens: Signal<number>;
  readonly isWindowed: Signal<boolean>;
  readonly windowTokens: Signal<number>;
  /** The window that the document is read with, or that is chosen for it before; null: all keys are kept. */
  readonly keyWindow: ReadonlySignal<DocumentWindow | null>;
  readonly pausesWhenHidden: Signal<boolean>;
  /** Bytes by their orders of magnitude, so that small and large ones are seen together. */
  readonly isMemoryLogarithmic: Signal<boolean>;
  /** "untold" until the worker has told; null: the browser offers no storage. */
  readonly kept: ReadonlySignal<readonly KeptDocument[] | null | "untold">;
  /** Whether the open document is there at the next visit. */
  readonly isKept: ReadonlySignal<boolean>;
  /** To be handed to the person, once. */
  readonly exported: Signal<{ readonly name: string; readonly content: Blob } | null>;
  /** A wish that could not be fulfilled; "" for none. */
  readonly problem: Signal<string>;
  /** Whether the document has the GPU, or waits for it. */
  readonly isBusy: ReadonlySignal<boolean>;
  open(source: TextSource): void;
  close(): void;
  read(): void;
  /** Forgets what was read, and reads from the beginning in constant memory. */
  readInConstantMemory(): void;
  pause(): void;
  /** What was read until now is the whole document. */
  end(): void;
  /** Keeps the open document under this name. */
  keep(name: string): void;
  /** Asks for the documents that are kept. */
  list(): void;
  restore(id: string): void;
  rename(id: string, name: string): void;
  remove(id: string): void;
  exportFile(id: string): void;
  importFile(file: Blob): void;
  ask(question: string, draw: { readonly sampling: SamplingSettings; readonly maxTokens: number }): void;
  /** To be called when the page is hidden and shown again. */
  setHidden(isHidden: boolean): void;
  /** The engine is gone, and with it the document. */
  abandon(): void;
  apply(event: DocumentEvent): void;
}

/** Of the keys that constant memory mode keeps, those at the beginning: they carry much of the attention. */
export const FIRST_KEYS = 64;
export const DEFAULT_WINDOW = 8192;
export const DEFAULT_SAMPLE = 4096;

/** Charts move no more often. */
const CHART_MS = 120;

export function createDocument(send: (request: DocumentRequest) => void, now: () => number): DocumentState {
  const phase = signal<DocumentPhase>({ state: "none" });
  const outline = signal<DocumentOutline | null>(null);
  const progress = signal<ReadingProgress>(NO_PROGRESS);
  const series = signal<ReadingSeries>(NO_SERIES);
  const problem = signal("");
  const kept = signal<readonly KeptDocument[] | null | "untold">("untold");
  const isKept = signal(false);
  const exported = signal<{ readonly name: string; readonly content: Blob } | null>(null);
  const isWindowed = signal(false);
  const windowTokens = signal(DEFAULT_WINDOW);
  const pausesWhenHidden = signal(false);
  const questions = createQuestions(send, now);
  let record = new ReadingRecord();
  let drawnMs = -Infinity;
  /** Of the document that is open; 0: none was. */
  let current = 0;
  let isPausedByHiding = false;
  let isHidden = false;

  const reset = (next: DocumentPhase): void => {
    batch(() => {
      phase.value = next;
      outline.value = null;
      progress.value = NO_PROGRESS;
      series.value = NO_SERIES;
      problem.value = "";
      isKept.value = false;
      questions.clear();
    });
    record = new ReadingRecord();
    isPausedByHiding = false;
  };
  const readWindow = signal<DocumentWindow | null>(null);
  const chosenWindow = (): DocumentWindow => ({ first: FIRST_KEYS, last: windowTokens.value });
  const keyWindow = computed(() => {
    if (phase.value.state !== "ready") return readWindow.value;
    return isWindowed.value ? chosenWindow() : null;
  });
  const drawSeries = (): void => {
    series.value = seriesOf(record.points);
    drawnMs = now();
  };
  const pause = (): void => {
    if (phase.value.state !== "reading") return;
    phase.value = { state: "pausing" };
    send({ kind: "pauseDocument", document: current });
  };
  const read = (): void => {
    const { state } = phase.value;
    if (state !== "ready" && state !== "paused") return;
    isPausedByHiding = false;
    const window = keyWindow.value;
    batch(() => {
      readWindow.value = window;
      phase.value = { state: "reading" };
    });
    send({ kind: "readDocument", document: current, keyWindow: window });
  };
  const readInConstantMemory = (): void => {
    if (phase.value.state !== "paused") return;
    phase.value = { state: "reading" };
    send({ kind: "readDocumentAnew", document: current, keyWindow: chosenWindow() });
  };
  const beginAnew = (window: DocumentWindow | null): void => {
    record = new ReadingRecord();
    batch(() => {
      readWindow.value = window;
      progress.value = NO_PROGRESS;
      series.value = NO_SERIES;
      isKept.value = false;
      questions.clear();
    });
  };
  const rest = (next: Extract<DocumentPhase, { state: "paused" | "read" }>, readTokens: number): void => {
    batch(() => {
      phase.value = next;
      progress.value = { ...progress.value, readTokens, leftMs: null };
      if (next.state === "read" && outline.value) outline.value = { ...outline.value, numTokens: readTokens };
      drawSeries();
    });
    if (next.state === "paused" && !next.isFull && isPausedByHiding && !isHidden) read();
  };

  return {
    phase,
    outline,
    progress,
    series,
    questions,
    pasted: signal(""),
    sampleTokens: signal(DEFAULT_SAMPLE),
    isWindowed,
    windowTokens,
    keyWindow,
    pausesWhenHidden,
    isMemoryLogarithmic: signal(false),
    problem,
    kept,
    isKept,
    exported,
    keep: (name) => {
      if (name.trim() !== "") send({ kind: "keepDocument", document: current, name: name.trim() });
    },
    list: () => send({ kind: "listDocuments" }),
    restore: (id) => {
      reset({ state: "counting", numTokens: 0, numChars: 0 });
      send({ kind: "restoreDocument", document: ++current, id });
    },
    rename: (id, name) => {
      if (name.trim() !== "") send({ kind: "renameDocument", id, name: name.trim() });
    },
    remove: (id) => send({ kind: "deleteDocument", id }),
    exportFile: (id) => send({ kind: "exportDocument", id }),
    importFile: (file) => {
      problem.value = "";
      send({ kind: "importDocument", file });
    },
    isBusy: computed(
      () => phase.value.state === "reading" || phase.value.state === "pausing" || questions.isAnswering.value,
    ),
    open: (source) => {
      reset({ state: "counting", numTokens: 0, numChars: 0 });
      send({ kind: "openDocument", document: ++current, source });
    },
    close: () => {
      if (phase.value.state === "none") return;
      send({ kind: "closeDocument", document: current });
      reset({ state: "none" });
      current++;
    },
    read,
    readInConstantMemory,
    pause,
    end: () => {
      if (phase.value.state === "paused") send({ kind: "endDocument", document: current });
    },
    ask: (question, draw) => {
      const { state } = phase.value;
      if (state === "paused" || state === "read") questions.ask(current, question, draw);
    },
    setHidden: (hidden) => {
      isHidden = hidden;
      if (hidden && pausesWhenHidden.value && phase.value.state === "reading") {
        pause();
        isPausedByHiding = true;
      } else if (!hidden && isPausedByHiding && phase.value.state === "paused" && !phase.value.isFull) {
        read();
      }
    },
    abandon: () => {
      if (phase.value.state === "none") return;
      reset({ state: "none" });
      current++;
    },
    apply: (event) => {
      if ("document" in event && event.document !== current) return;
      switch (event.kind) {
        case "documentCounting":
          phase.value = { state: "counting", numTokens: event.numTokens, numChars: event.numChars };
          return;
        case "documentOpened":
          record = new ReadingRecord(event.earlier?.points);
          return batch(() => {
            readWindow.value = event.earlier?.keyWindow ?? null;
            outline.value = event.outline;
            phase.value = { state: "ready", estimatedMs: event.estimatedMs };
          });
        case "documentReading": {
          const { readTokens, tokensPerSecond, leftMs, excerpt, point } = event;
          record.add(point);
          return batch(() => {
            progress.value = { readTokens, tokensPerSecond, leftMs, excerpt };
            if (now() - drawnMs >= CHART_MS) drawSeries();
          });
        }
        case "documentBegunAnew":
          return beginAnew(event.keyWindow);
        case "documentPaused":
          return rest({ state: "paused", isFull: event.isFull }, event.readTokens);
        case "documentRead":
          return rest({ state: "read" }, event.readTokens);
        case "documentText":
        case "documentTurnEnded":
          return questions.apply(event);
        case "documentKept":
          return batch(() => {
            isKept.value = true;
            if (outline.value) outline.value = { ...outline.value, name: event.name };
          });
        case "documentList":
          kept.value = event.documents;
          return;
        case "documentExported":
          exported.value = event;
          return;
        case "documentProblem":
          problem.value = event.message;
          return;
        case "documentFailed":
          reset({ state: "none" });
          current++;
          problem.value = documentProblem(event.failure) ?? "";
      }
    },
  };
}
