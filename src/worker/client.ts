// Starts the engine's worker, sends it requests and passes on its events. Knows the protocol and nothing of the page.

import type { WorkerEvent, WorkerRequest } from "./messages.ts";
import type { Failure } from "./messages-engine.ts";

/** A running worker. After `close()` no event arrives any more. */
export interface EngineClient {
  send(request: WorkerRequest): void;
  close(): void;
}

/** Starts a worker of its own; `onCrash` is called when its script does not load or throws where nothing catches. */
export function startEngine(onEvent: (event: WorkerEvent) => void, onCrash: (failure: Failure) => void): EngineClient {
  const worker = new Worker(new URL("./engine-worker.ts", import.meta.url), { type: "module", name: "engine" });
  let hasSpoken = false;

  worker.onmessage = (message: MessageEvent<WorkerEvent>) => {
    hasSpoken = true;
    onEvent(message.data);
  };
  worker.onmessageerror = () =>
    onCrash({ kind: "internal", message: "engine worker: expected a readable message, got one that cannot be cloned" });
  worker.onerror = (event: ErrorEvent | Event) => {
    const thrown = "message" in event ? event.message : "";
    if (thrown || hasSpoken)
      onCrash({
        kind: "internal",
        message: `engine worker: expected no error, got ${thrown || "one without a message"}`,
      });
    else onCrash({ kind: "download", message: "engine worker: expected its script to load, got an error" });
  };

  return {
    send: (request) => worker.postMessage(request),
    close: () => {
      worker.onmessage = worker.onmessageerror = worker.onerror = null;
      worker.terminate();
    },
  };
}
