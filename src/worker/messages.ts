// The protocol between the page and the engine's worker: types only. Requests go to the worker, events come back. Each part
// has its own file; here they come together.

import type { BenchmarkEvent, BenchmarkRequest } from "./messages-benchmark.ts";
import type { ChatEvent, ChatRequest } from "./messages-chat.ts";
import type { CompareEvent, CompareRequest } from "./messages-compare.ts";
import type { DocumentEvent, DocumentRequest } from "./messages-document.ts";
import type { EngineEvent, EngineRequest } from "./messages-engine.ts";
import type { ModelEvent } from "./messages-model.ts";

export type WorkerRequest = EngineRequest | ChatRequest | BenchmarkRequest | CompareRequest | DocumentRequest;

/** The chat's model events come as they are; other parts wrap those of their models. */
export type WorkerEvent = EngineEvent | ModelEvent | ChatEvent | BenchmarkEvent | CompareEvent | DocumentEvent;
