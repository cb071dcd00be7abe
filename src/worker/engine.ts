// The engine behind the protocol: takes each request to the part that answers it. Parts share one GPU (GpuHost) and one
// queue (JobQueue), and know nothing of each other.
//
// To add a part: (1) `messages-<part>.ts`, types only, with its requests and its events, and a line for each in the unions
// of messages.ts; (2) `<part>-part.ts`, a class made of (host, queue, post) with `receive(request)`; (3) its requests in the
// switch below. `receive` returns at once. What needs the GPU is a job: `queue.add({ part, title, run, skip })`, whose `run`
// calls `host.run(async (gpu) => …)`. Models are named once, `host.use(modelUrl, { model, tell })`, and opened inside of a
// job, `await gpu.open(use, signal)`: loaded the first time, there from then on; `tell` hears how it comes, to be posted in
// an event of the part's own, and `use.close()` frees it. The function given to `host.run` may be called again, with another
// `gpu`, when the device was lost: what was made on the first is then gone, so a part keeps on its own side what it needs to
// go on (ids that were read, what was told already), notes on which `gpu` its sequences live, and makes them again when
// that has changed. What may need much memory is asked about first, `host.memory.canGrow(bytes)`; models and sequences throw
// MemoryBudgetError (needed, used, budget) before they take anything, and GpuMemoryError, after which all is as it was
// before. On the page, the part's events get their cases in src/ui/state/worker-events.ts.

import { browserPorts } from "../store/browser-ports.ts";
import { openPrivateFolder } from "../store/private-files.ts";
import { BenchmarkPart } from "./benchmark-part.ts";
import { ChatPart } from "./chat-part.ts";
import { ComparePart } from "./compare-part.ts";
import { DocumentPart } from "./document-part.ts";
import { parseFailure } from "./failures.ts";
import { GpuHost, type HostPorts } from "./gpu-host.ts";
import { JobQueue } from "./job-queue.ts";
import type { WorkerEvent, WorkerRequest } from "./messages.ts";

export class Engine {
  readonly #queue: JobQueue;
  readonly #host: GpuHost;
  readonly #chat: ChatPart;
  readonly #benchmark: BenchmarkPart;
  readonly #compare: ComparePart;
  readonly #document: DocumentPart;

  /** @param openDocuments the folder where documents are kept, if there is one */
  constructor(
    post: (event: WorkerEvent) => void,
    ports: HostPorts = { store: browserPorts },
    openDocuments = () => openPrivateFolder(["documents"]),
  ) {
    const fail = (error: unknown) => post({ kind: "loadFailed", failure: parseFailure(error) });
    this.#queue = new JobQueue((jobs) => post({ kind: "queue", jobs }), fail);
    this.#host = new GpuHost(post, ports, () => this.#chat.restore());
    this.#chat = new ChatPart(this.#host, this.#queue, post);
    this.#benchmark = new BenchmarkPart(this.#host, this.#queue, post, () => this.#chat.model);
    this.#compare = new ComparePart(this.#host, this.#queue, post);
    const { locks } = ports.store;
    this.#document = new DocumentPart(this.#host, this.#queue, post, () => this.#chat.model, openDocuments, locks);
  }

  receive(request: WorkerRequest): void {
    switch (request.kind) {
      case "cancelJob":
        return this.#queue.cancel(request.job);
      case "tryNow":
        return this.#host.tryNow();
      case "setMemoryBudget":
        this.#host.memory.budgetBytes = request.bytes;
        return;
      case "resumeGpu":
        return this.#host.resume(request.blockSize);
      case "load":
      case "fetchWeights":
      case "newChat":
      case "send":
      case "stop":
        return this.#chat.receive(request);
      case "benchmark":
      case "stopBenchmark":
        return this.#benchmark.receive(request);
      case "compareOpen":
      case "compareAgree":
      case "compareAnswer":
      case "compareRace":
      case "compareRecall":
      case "compareInspect":
      case "compareToken":
      case "stopCompare":
        return this.#compare.receive(request);
      case "openDocument":
      case "readDocument":
      case "readDocumentAnew":
      case "pauseDocument":
      case "endDocument":
      case "closeDocument":
      case "askDocument":
      case "stopDocumentAnswer":
      case "keepDocument":
      case "listDocuments":
      case "restoreDocument":
      case "renameDocument":
      case "deleteDocument":
      case "exportDocument":
      case "importDocument":
        return this.#document.receive(request);
    }
  }
}
