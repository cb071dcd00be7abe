// What reading a document and answering about it have in common. Types only.

import type { GpuHost } from "./gpu-host.ts";
import type { JobQueue } from "./job-queue.ts";
import type { WorkerEvent } from "./messages.ts";
import type { ModelUse } from "./model-use.ts";
import type { OpenDocument } from "./open-document.ts";

export interface DocumentDesk {
  readonly host: GpuHost;
  readonly queue: JobQueue;
  readonly post: (event: WorkerEvent) => void;
  /** The model that reads, if one is loaded. */
  readonly subject: () => ModelUse | undefined;
  /** Gives the document up, and tells why. */
  readonly fail: (open: OpenDocument, error: unknown) => void;
}
