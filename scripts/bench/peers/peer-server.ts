// Serves the peers' modules, their packages and the model in each one's format, to a page that may use threads.

import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { createServer, type Plugin } from "vite";
import { FILES_PATH, MODEL_PATH, PACKAGES_PATH } from "./peer.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const PAGE_PATH = "/peers";
/** Without them a page has no SharedArrayBuffer, and WebAssembly no threads. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

export interface PeerServer {
  readonly pageUrl: string;
  close(): Promise<void>;
}

/** Folders: the packages' `node_modules`, the converted files, and the exported model. */
export async function servePeers(packages: string, files: string, model: string): Promise<PeerServer> {
  const cacheDir = await mkdtemp(join(tmpdir(), "relampago-peers-"));
  const server = await createServer({
    root: ROOT,
    configFile: false,
    cacheDir,
    logLevel: "warn",
    plugins: [
      servePage,
      serveFolder(PACKAGES_PATH, packages),
      serveFolder(FILES_PATH, files),
      serveFolder(MODEL_PATH, model),
    ],
    optimizeDeps: { noDiscovery: true },
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null, headers: ISOLATION },
  });
  await server.listen();
  return {
    pageUrl: new URL(PAGE_PATH, server.resolvedUrls!.local[0]!).href,
    close: async () => {
      await server.close();
      await rm(cacheDir, { recursive: true, force: true });
    },
  };
}

const servePage: Plugin = {
  name: "peers-page",
  configureServer(server) {
    server.middlewares.use(PAGE_PATH, (_, response) => {
      response.writeHead(200, { ...ISOLATION, "content-type": "text/html; charset=utf-8" });
      response.end('<!doctype html><html lang="en"><title>Peers</title></html>');
    });
  },
};

function serveFolder(path: string, folder: string): Plugin {
  return {
    name: `peers-${path}`,
    configureServer(server) {
      server.middlewares.use(path, (request, response, next) => {
        const inside = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
        const file = join(folder, inside);
        stat(file).then(({ size }) => {
          const type = MEDIA_TYPES[extname(file)] ?? "application/octet-stream";
          response.writeHead(200, { ...ISOLATION, "content-type": type, "content-length": size });
          createReadStream(file).pipe(response);
        }, next);
      });
    },
  };
}
