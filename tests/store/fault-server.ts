// An HTTP server that serves files as a good static server does (ETag, ranges), but answers as wrongly as a test plans it.

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The whole file. */
  readonly bytes: Uint8Array;
  /** First byte that is asked for. */
  readonly start: number;
  readonly etag: string;
  /** Resolves with `release()`. */
  readonly released: Promise<void>;
  /** Resolves when the client has so many bytes of the file. */
  received(numBytes: number): Promise<void>;
  /** Tells the test that this exchange has come as far as it goes by itself. */
  reached(): void;
}

const MOMENT_MS = 200;

/** Answers one request. */
export type Fault = (exchange: Exchange) => void | Promise<void>;

/** The faulty answers of one server, and what it was asked. */
export interface FaultPlan {
  /** `<file>` or `<file> from <start>` for each request, in order. */
  readonly requests: string[];
  /** The next requests for the file are answered so, and those after them well. */
  plan(file: string, ...faults: readonly Fault[]): void;
  /** All further requests for the file are answered so, but for those that are planned. */
  planAlways(file: string, fault: Fault): void;
  /** Resolves when a fault has come as far as it goes by itself, once for each that has. */
  reached(): Promise<void>;
  release(): void;
  /** To be called with the bytes of a file that have arrived; a client that tells none is given a moment instead. */
  tellReceived(numBytes: number): void;
  /** Answers a request for a file. */
  answer(request: IncomingMessage, response: ServerResponse, file: string, bytes: Uint8Array): void;
}

export interface FaultServer extends FaultPlan {
  /** Ends in a slash. */
  readonly url: string;
  close(): Promise<void>;
}

/** @param tellsReceived whether the client does; a connection that breaks off may take with it what nobody has read */
export function createFaultPlan(tellsReceived: boolean): FaultPlan {
  const requests: string[] = [];
  const plans = new Map<string, Fault[]>();
  const always = new Map<string, Fault>();
  const waiting: (() => void)[] = [];
  let numReached = 0;
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const reached = () => {
    const wake = waiting.shift();
    if (wake) wake();
    else numReached += 1;
  };
  let numReceived = 0;
  let receiver = () => {};
  const received = async (numBytes: number): Promise<void> => {
    if (!tellsReceived) return new Promise((resolve) => setTimeout(resolve, MOMENT_MS));
    while (numReceived < numBytes) await new Promise<void>((resolve) => (receiver = resolve));
  };
  return {
    requests,
    tellReceived: (numBytes) => {
      numReceived = numBytes;
      receiver();
    },
    plan: (file, ...faults) => void plans.set(file, [...faults]),
    planAlways: (file, fault) => void always.set(file, fault),
    reached: () => {
      if (numReached === 0) return new Promise((resolve) => waiting.push(resolve));
      numReached -= 1;
      return Promise.resolve();
    },
    release,
    answer: (request, response, file, bytes) => {
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
      if (!range) numReceived = 0;
      requests.push(range ? `${file} from ${range[1]}` : file);
      const fault = plans.get(file)?.shift() ?? always.get(file) ?? serve;
      const etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}"`;
      void fault({ request, response, bytes, start: range ? Number(range[1]) : 0, etag, released, received, reached });
    },
  };
}

/** Serves the files of a map, also such as are put there later; 404 for all others. */
export async function startFaultServer(files: ReadonlyMap<string, Uint8Array>): Promise<FaultServer> {
  const plan = createFaultPlan(true);
  const server = createServer((request, response) => {
    const file = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname.slice(1));
    const bytes = files.get(file);
    if (bytes) return plan.answer(request, response, file, bytes);
    plan.requests.push(file);
    response.writeHead(404, { "content-type": "text/plain" }).end("not found");
  });
  await new Promise<void>((started) => server.listen(0, "127.0.0.1", started));
  return {
    ...plan,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/** As it should be. */
export const serve: Fault = ({ request, response, bytes, start, etag }) => {
  const headers = { "content-type": "application/octet-stream", "accept-ranges": "bytes", etag };
  if (request.headers.range === undefined) {
    response.writeHead(200, { ...headers, "content-length": bytes.length }).end(bytes);
  } else if (start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
  } else {
    const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    const part = bytes.subarray(start);
    response.writeHead(206, { ...headers, "content-range": range, "content-length": part.length }).end(part);
  }
};
