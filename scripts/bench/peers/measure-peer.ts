// One run of one engine, seen from outside: times from the page, processor time from the browser, calls to WebGPU.

import type { CDPSession, Page } from "playwright-core";
import type { GpuCalls } from "./gpu-calls.ts";
import { type LoadPeer, type Peer, PEER_MODULES, type PeerName, type PeerRun, type Prompt } from "./peer.ts";

export interface Phase {
  readonly ms: number;
  /** Processor time of all of the browser's processes. On a software adapter this is the work done, whatever else the
   * machine does meanwhile. */
  readonly cpuMs: number;
  readonly calls: GpuCalls;
}

export interface MeasuredRun {
  readonly read: Phase;
  readonly write: Phase;
  readonly answer: PeerRun["answer"];
}

/** Of the modules for the page, as the server has them. */
const FOLDER = "/scripts/bench/peers/";

/** What is in a page besides the page. */
interface PeerPage {
  gpuCalls: GpuCalls;
  peer: Peer;
  tellRead(calls: GpuCalls): Promise<void>;
}

interface PeerModules {
  readonly callsPath: string;
  readonly peerPath: string;
  readonly name: PeerName;
}

export class OpenPeer {
  readonly name: PeerName;
  readonly description: string;
  readonly #page: Page;
  readonly #system: CDPSession;
  #onRead: (calls: GpuCalls) => Promise<void> = () => Promise.resolve();

  private constructor(name: PeerName, description: string, page: Page, system: CDPSession) {
    this.name = name;
    this.description = description;
    this.#page = page;
    this.#system = system;
  }

  /** Loads the engine and its model in the page; `system` is a session with the whole browser. Throws what it throws. */
  static async open(name: PeerName, page: Page, pageUrl: string, system: CDPSession): Promise<OpenPeer> {
    await page.goto(pageUrl);
    const description = await page.evaluate(loadPeerModule, {
      callsPath: `${FOLDER}gpu-calls.ts`,
      peerPath: FOLDER + PEER_MODULES[name],
      name,
    });
    const peer = new OpenPeer(name, description, page, system);
    await page.exposeFunction("tellRead", (calls: GpuCalls) => peer.#onRead(calls));
    return peer;
  }

  async run(prompt: Prompt, numTokens: number): Promise<MeasuredRun> {
    let readEnd: { readonly cpuMs: number; readonly calls: GpuCalls } | undefined;
    this.#onRead = async (calls) => {
      readEnd = { cpuMs: await this.#readCpuMs(), calls };
    };
    const startCpuMs = await this.#readCpuMs();
    const { run, start, end } = await this.#page.evaluate(runPeer, { prompt, numTokens });
    const endCpuMs = await this.#readCpuMs();
    if (!readEnd) throw new Error(`${this.name}: expected to hear when the prompt was read, heard nothing`);
    return {
      read: { ms: run.readMs, cpuMs: readEnd.cpuMs - startCpuMs, calls: subtract(readEnd.calls, start) },
      write: { ms: run.writeMs, cpuMs: endCpuMs - readEnd.cpuMs, calls: subtract(end, readEnd.calls) },
      answer: run.answer,
    };
  }

  async #readCpuMs(): Promise<number> {
    const { processInfo } = await this.#system.send("SystemInfo.getProcessInfo");
    return processInfo.reduce((sum, { cpuTime }) => sum + 1000 * cpuTime, 0);
  }
}

/** Runs in the page. */
async function loadPeerModule({ callsPath, peerPath, name }: PeerModules): Promise<string> {
  const page = globalThis as unknown as PeerPage;
  const { countGpuCalls } = (await import(callsPath)) as { readonly countGpuCalls: () => GpuCalls };
  page.gpuCalls = countGpuCalls();
  const { loadPeer } = (await import(peerPath)) as { readonly loadPeer: LoadPeer };
  page.peer = await loadPeer(name);
  return page.peer.description;
}

/** Runs in the page. */
async function runPeer({ prompt, numTokens }: { readonly prompt: Prompt; readonly numTokens: number }) {
  const page = globalThis as unknown as PeerPage;
  const start = { ...page.gpuCalls };
  const run = await page.peer.run(prompt, numTokens, () => page.tellRead({ ...page.gpuCalls }));
  return { run, start, end: { ...page.gpuCalls } };
}

function subtract(end: GpuCalls, start: GpuCalls): GpuCalls {
  return {
    dispatches: end.dispatches - start.dispatches,
    passes: end.passes - start.passes,
    submits: end.submits - start.submits,
    maps: end.maps - start.maps,
    buffers: end.buffers - start.buffers,
  };
}
