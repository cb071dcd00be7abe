// A benchmark in Chromium: a page served from here starts the worker, which does the rest.

import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { Browser } from "playwright-core";
import { createServer, type Plugin } from "vite";
import type { BenchmarkResult } from "../../src/bench/result.ts";
import { launchChromium } from "../node/launch-chromium.ts";
import type { BenchEvent, BenchRequest } from "./bench-messages.ts";
import type { BenchOptions } from "./bench-options.ts";
import type { BenchmarkReporter } from "./reporter.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const WORKER_PATH = "/scripts/bench/bench-worker.ts";
const PAGE_PATH = "/benchmark";
const MODEL_PATH = "/benchmarked-model/";

export async function runInBrowser(
  { model, task }: BenchOptions,
  signal: AbortSignal,
  reporter: BenchmarkReporter,
): Promise<BenchmarkResult> {
  const cacheDir = await mkdtemp(join(tmpdir(), "relampago-bench-"));
  const server = await createServer({
    root: ROOT,
    configFile: join(ROOT, "vite.config.ts"),
    cacheDir,
    logLevel: "warn",
    plugins: [servePage, serveModel(model)],
    // The worker imports nothing from packages.
    optimizeDeps: { noDiscovery: true },
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
  });
  let browser: Browser | undefined;
  try {
    await server.listen();
    browser = await launchChromium({ adapter: "gpu" });
    const origin = new URL(server.resolvedUrls!.local[0]!).origin;
    return await runWorker(browser, origin, task, signal, reporter);
  } finally {
    await browser?.close();
    await server.close();
    await rm(cacheDir, { recursive: true, force: true });
  }
}

async function runWorker(
  browser: Browser,
  origin: string,
  task: BenchOptions["task"],
  signal: AbortSignal,
  reporter: BenchmarkReporter,
): Promise<BenchmarkResult> {
  const page = await browser.newPage();
  return new Promise<BenchmarkResult>((finish, fail) => {
    page.on("crash", () => fail(new Error("page: expected it to stay, got a crash")));
    page.on("close", () => fail(new Error("browser: expected it to stay, got closed")));
    const tell = (event: BenchEvent): void => {
      switch (event.kind) {
        case "setup":
          return reporter.onSetup(event.setup);
        case "launch":
          return reporter.onLaunch(event.launch);
        case "run":
          return reporter.onRun(event);
        case "measurement":
          return reporter.onMeasurement(event.measurement);
        case "skipped":
          return reporter.onSkipped(event.skipped);
        case "result":
          return finish(event.result);
        case "failure":
          return fail(new Error(event.message));
      }
    };
    const start = async (): Promise<void> => {
      await page.exposeFunction("tellBenchmark", tell);
      await page.goto(origin + PAGE_PATH);
      const request: BenchRequest = { kind: "run", modelUrl: origin + MODEL_PATH, task };
      await page.evaluate(startWorker, { path: WORKER_PATH, request });
      signal.addEventListener("abort", () => void page.evaluate(stopWorker).catch(fail), { once: true });
    };
    start().catch(fail);
  });
}

/** What the functions below find in the page. */
interface BenchmarkPage {
  tellBenchmark(event: BenchEvent): void;
  worker?: Worker;
}

/** Runs in the page. */
function startWorker({ path, request }: { readonly path: string; readonly request: BenchRequest }): void {
  const page = globalThis as unknown as BenchmarkPage;
  const worker = new Worker(path, { type: "module" });
  worker.onmessage = ({ data: event }: MessageEvent<BenchEvent>) => page.tellBenchmark(event);
  worker.onerror = ({ message }) =>
    page.tellBenchmark({
      kind: "failure",
      message: `worker: expected its script to run, got ${message || "an error"}`,
    });
  worker.postMessage(request);
  page.worker = worker;
}

/** Runs in the page. */
function stopWorker(): void {
  const request: BenchRequest = { kind: "stop" };
  (globalThis as unknown as BenchmarkPage).worker?.postMessage(request);
}

/** An empty page of the same origin as the worker's script. */
const servePage: Plugin = {
  name: "benchmark-page",
  configureServer(server) {
    server.middlewares.use(PAGE_PATH, (_, response) => {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end('<!doctype html><html lang="en"><title>Benchmark</title></html>');
    });
  },
};

/** The files of an exported model, wherever its folder is. */
function serveModel(folder: string): Plugin {
  return {
    name: "benchmarked-model",
    configureServer(server) {
      server.middlewares.use(MODEL_PATH, (request, response) => {
        const file = join(
          folder,
          basename(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname)),
        );
        if (!existsSync(file)) return response.writeHead(404).end();
        return createReadStream(file).pipe(response);
      });
    },
  };
}
