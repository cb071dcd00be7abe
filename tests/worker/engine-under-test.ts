// The engine behind the protocol, with a made-up model to load: what the tests of this folder share.

import { afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { openGpu } from "../../scripts/node/gpu.ts";
import { browserPorts } from "../../src/store/browser-ports.ts";
import { Engine } from "../../src/worker/engine.ts";
import type { HostPorts } from "../../src/worker/gpu-host.ts";
import type { FolderHandle } from "../../src/store/private-files.ts";
import type { WorkerEvent, WorkerRequest } from "../../src/worker/messages.ts";
import { openSharedGpu, type SharedGpu } from "../gpu/shared-gpu.ts";
import { createFolder, type Folder, MODEL_URL, serveFolder } from "./made-up-folder.ts";

export type EventOf<Kind extends WorkerEvent["kind"]> = Extract<WorkerEvent, { kind: Kind }>;

/** An engine as the page sees it. */
export interface EngineUnderTest {
  readonly events: WorkerEvent[];
  send(request: WorkerRequest): void;
  /** The first event of one of these kinds among those not yet waited past. */
  wait<Kind extends WorkerEvent["kind"]>(...kinds: readonly Kind[]): Promise<EventOf<Kind>>;
}

export const SAMPLING = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1 };

/** What the engines of a test find. */
export interface Site {
  /** What engines find at `navigator.gpu`, but for devices that a test will lose. */
  readonly gpu: SharedGpu;
  /** The model's folder as it was made. */
  readonly whole: Folder;
  /** The one that is served: a test's own. */
  folder: Folder;
  /** Those that engines have opened, the newest last. */
  readonly devices: GPUDevice[];
  /** Calls that were made of devices so far. */
  numCalls: number;
  /** The call at which the newest device is destroyed; later ones are not. */
  lossAtCall: number;
}

export interface ControlledSite extends Site {
  loseDevices(count: number): void;
  /** The test's devices take their time before they tell that work is done, so that something can happen meanwhile. */
  slowDown(): void;
}

/** What a block of tokens takes on a device that is slowed down: some are told of while a text is read. */
const SLOW_MS = 40;

/** What of a device counts as a call: something happens on it between any two. */
const COUNTED_CALLS = [
  "createBuffer",
  "createBindGroup",
  "createComputePipelineAsync",
  "createCommandEncoder",
] as const;

/** Puts a GPU and a server with a made-up model where an engine looks for them, anew for each of the file's tests. A test that
 * loses devices says first how many it will lose: so many are real ones, on which all kernels are compiled anew. Those that
 * are opened after them stay, and are shared. */
export function useSite(): ControlledSite {
  const devices: GPUDevice[] = [];
  const site = { devices, numCalls: 0, lossAtCall: Infinity } as { -readonly [Field in keyof Site]: Site[Field] };
  let realGpu: GPU;
  let numToLose = 0;
  let isSlow = false;

  const slowDown = ({ queue }: GPUDevice): void => {
    const done = queue.onSubmittedWorkDone.bind(queue);
    const doneLate = () => done().then(() => new Promise<undefined>((resolve) => setTimeout(resolve, SLOW_MS)));
    Object.assign(queue, { onSubmittedWorkDone: doneLate });
  };

  const countCalls = (device: GPUDevice): void => {
    for (const name of COUNTED_CALLS) {
      const call = (device[name] as (...args: unknown[]) => unknown).bind(device);
      Object.assign(device, {
        [name]: (...args: unknown[]) => {
          site.numCalls += 1;
          if (site.numCalls === site.lossAtCall) device.destroy();
          return call(...args);
        },
      });
    }
  };

  const requestAdapter = async (): Promise<object> => {
    const gpu = numToLose > 0 ? realGpu : site.gpu;
    numToLose -= 1;
    const adapter = (await gpu.requestAdapter())!;
    return {
      info: adapter.info,
      features: adapter.features,
      limits: adapter.limits,
      requestDevice: async (descriptor: GPUDeviceDescriptor) => {
        const device = await adapter.requestDevice(descriptor);
        countCalls(device);
        if (isSlow) slowDown(device);
        devices.push(device);
        return device;
      },
    };
  };

  beforeAll(async () => {
    ({ gpu: realGpu } = await openGpu());
    site.gpu = await openSharedGpu();
    site.whole = await createFolder();
  });

  beforeEach(() => {
    site.folder = new Map(site.whole);
    site.lossAtCall = Infinity;
    numToLose = 0;
    isSlow = false;
    vi.stubGlobal("navigator", { gpu: { requestAdapter }, userAgent: "test browser" });
    vi.stubGlobal("fetch", serveFolder(site.folder));
  });

  afterEach(() => {
    for (const device of devices.splice(0)) device.destroy();
    vi.unstubAllGlobals();
  });

  return Object.assign(site, {
    loseDevices: (count: number) => (numToLose = count),
    slowDown: () => (isSlow = true),
  });
}

/** @param openDocuments the folder of kept documents; none when absent */
export function startEngine(
  ports: Partial<HostPorts> = {},
  openDocuments: () => Promise<FolderHandle | undefined> = async () => undefined,
): EngineUnderTest {
  const events: WorkerEvent[] = [];
  let numSeen = 0;
  let tell = () => {};
  const post = (event: WorkerEvent): void => {
    events.push(event);
    // Nobody waits here.
    if (event.kind === "paused") setTimeout(() => engine.receive({ kind: "tryNow" }));
    tell();
  };
  const engine = new Engine(post, { store: browserPorts, ...ports }, openDocuments);
  return {
    events,
    send: (request) => engine.receive(request),
    wait: async <Kind extends WorkerEvent["kind"]>(...kinds: readonly Kind[]) => {
      for (;;) {
        while (numSeen < events.length) {
          const event = events[numSeen++]!;
          if ((kinds as readonly string[]).includes(event.kind)) return event as EventOf<Kind>;
        }
        await new Promise<void>((resolve) => (tell = resolve));
      }
    },
  };
}

export async function loadEngine(): Promise<EngineUnderTest> {
  const engine = startEngine();
  await load(engine);
  return engine;
}

/** How a model is loaded otherwise than usual. */
type LoadOptions = Omit<Extract<WorkerRequest, { kind: "load" }>, "kind" | "modelUrl" | "features">;

export async function load(
  engine: EngineUnderTest,
  features = "default",
  options: LoadOptions = {},
): Promise<EventOf<"ready">> {
  engine.send({ kind: "load", modelUrl: MODEL_URL, features, ...options });
  await engine.wait("size");
  engine.send({ kind: "fetchWeights" });
  const event = await engine.wait("ready", "loadFailed");
  expect(event).toMatchObject({ kind: "ready" });
  engine.send({ kind: "newChat", systemPrompt: "" });
  await engine.wait("chatCleared");
  return event as EventOf<"ready">;
}

export function send(engine: EngineUnderTest, turn: number, text: string, maxTokens = 6): void {
  engine.send({ kind: "send", turn, text, sampling: SAMPLING, maxTokens });
}

export async function answer(engine: EngineUnderTest, turn: number, text: string, maxTokens = 6): Promise<string> {
  send(engine, turn, text, maxTokens);
  expect(await engine.wait("turnEnded", "turnFailed", "loadFailed")).toMatchObject({ kind: "turnEnded", turn });
  return textOf(engine, turn);
}

export function textOf({ events }: EngineUnderTest, turn: number): string {
  return events.flatMap((event) => (event.kind === "text" && event.turn === turn ? [event.text] : [])).join("");
}

/** How a load fails that is agreed to. */
export async function failLoad(
  engine = startEngine(),
  features = "default",
  options: LoadOptions = {},
): Promise<EventOf<"loadFailed">["failure"]> {
  engine.send({ kind: "load", modelUrl: MODEL_URL, features, ...options });
  const first = await engine.wait("size", "loadFailed");
  if (first.kind === "loadFailed") return first.failure;
  engine.send({ kind: "fetchWeights" });
  const event = await engine.wait("ready", "loadFailed");
  if (event.kind === "ready") throw new Error("load: expected a failure, got a model");
  return event.failure;
}

/** Events that come although nobody waits for them. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 500));
}
