// Builds the page with the fake worker, and serves a built site below a path that is not the root.

import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { build, type Plugin } from "vite";

const ROOT = resolve(import.meta.dirname, "../..");
const BASE_PATH = "/some/where/";

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** A served site; `url` ends with a slash. */
export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** Answers requests for paths below the site's own; false: the path is none of its concern. */
export type Answer = (path: string, request: IncomingMessage, response: ServerResponse) => boolean;

/** Serves a folder on a port of its own, but for what `answer` answers; what lies outside its base path is not found. */
export async function serveFolder(folder: string, answer: Answer = () => false): Promise<Site> {
  const server = createServer((request, response) => {
    void (async () => {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
      const inside = path.startsWith(BASE_PATH) ? normalize(path.slice(BASE_PATH.length) || "index.html") : "..";
      if (answer(inside, request, response)) return;
      const file = join(folder, inside);
      const isFile =
        !inside.startsWith("..") &&
        (await stat(file).then(
          (found) => found.isFile(),
          () => false,
        ));
      if (!isFile) return void response.writeHead(404).end();
      response.writeHead(200, { "content-type": MEDIA_TYPES[extname(file)] ?? "application/octet-stream" });
      createReadStream(file).pipe(response);
    })();
  });
  await new Promise<void>((started) => server.listen(0, "127.0.0.1", started));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}${BASE_PATH}`,
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}

/** Points the client at another worker. The shipped build knows nothing of it. */
function useWorker(file: string): Plugin {
  return {
    name: "other-worker",
    enforce: "pre",
    transform(code, id) {
      if (!id.endsWith("/src/worker/client.ts")) return;
      const faked = code.replace("./engine-worker.ts", `../../tests/browser/${file}`);
      if (faked === code) throw new Error("client.ts: expected the address of engine-worker.ts, got none");
      return faked;
    },
  };
}

/** Builds the page with a worker of the tests in a temporary folder and serves it. */
export async function serveSiteWith(worker: "fake-worker.ts" | "store-worker.ts", answer?: Answer): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "relampago-page-"));
  await build({
    root: ROOT,
    configFile: join(ROOT, "vite.config.ts"),
    logLevel: "warn",
    plugins: [useWorker(worker)],
    build: { outDir: folder, emptyOutDir: true, copyPublicDir: false },
  });
  const site = await serveFolder(folder, answer);
  return {
    url: site.url,
    close: async () => {
      await site.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Serves the site as `npm run build` left it. */
export function serveBuiltSite(): Promise<Site> {
  return serveFolder(join(ROOT, "dist"));
}
