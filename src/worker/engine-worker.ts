// The engine's worker: takes the page's requests one after another and answers with events.

import { Engine } from "./engine.ts";
import type { WorkerEvent, WorkerRequest } from "./messages.ts";

const engine = new Engine((event: WorkerEvent) => self.postMessage(event));

self.onmessage = (message: MessageEvent<WorkerRequest>) => engine.receive(message.data);
