// Ways for a server, and for what lies before it, to answer wrongly.

import { gzipSync } from "node:zlib";
import { type Fault, serve } from "./fault-server.ts";

const PAGE = "<!doctype html>\n<title>Sign in</title>\n<p>Welcome to our network.</p>\n";
const BINARY = { "content-type": "application/octet-stream" };

/** Closes the connection without an answer. */
export const hangUp: Fault = ({ request }) => void request.socket.destroy();

/** No HTTP at all. */
export const gibberish: Fault = ({ request }) => void request.socket.end("220 mail.example.test ESMTP\r\n");

/** Tells the whole length, and breaks off after so many bytes more. */
export function cutAfter(numBytes: number): Fault {
  return async ({ request, response, bytes, start, etag, received }) => {
    const range = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    const headers = { ...BINARY, etag, "content-length": bytes.length - start };
    if (request.headers.range === undefined) response.writeHead(200, headers);
    else response.writeHead(206, { ...headers, ...range });
    response.write(bytes.subarray(start, start + numBytes));
    await received(start + numBytes);
    request.socket.destroy();
  };
}

/** Sends all bytes in chunks, and breaks off before it says that these were all. */
export const cutAfterLast: Fault = async ({ request, response, bytes, received }) => {
  response.writeHead(200, BINARY);
  response.write(bytes);
  await received(bytes.length);
  request.socket.destroy();
};

/** Tells no length, and ends in order after so many bytes: only their number is wrong. */
export function endAfter(numBytes: number): Fault {
  return ({ response, bytes }) => void response.writeHead(200, BINARY).end(bytes.subarray(0, numBytes));
}

export function status(code: number, headers: Record<string, string> = {}): Fault {
  return ({ response }) => void response.writeHead(code, headers).end(code === 204 ? undefined : "no");
}

/** The file, with one bit of it flipped. */
export function flipBit(at: number): Fault {
  return (exchange) => {
    const bytes = exchange.bytes.slice();
    bytes[at]! ^= 1;
    return serve({ ...exchange, bytes });
  };
}

/** Other bytes in the file's place, with the status and headers of a whole file. */
export function replaceBy(other: Uint8Array): Fault {
  return ({ response, etag }) => {
    response.writeHead(200, { ...BINARY, etag, "content-length": other.length }).end(other);
  };
}

/** A page that asks for a sign-in, or that tells of a missing file with status 200. */
export const webPage: Fault = ({ response }) => {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": PAGE.length }).end(PAGE);
};

/** The same in chunks, and called bytes. */
export const webPageInChunks: Fault = ({ response }) => {
  response.writeHead(200, BINARY);
  response.write(PAGE.slice(0, 30));
  response.end(PAGE.slice(30));
};

export function redirect(location: string, code = 302): Fault {
  return ({ response }) => void response.writeHead(code, { location }).end();
}

/** The same in chunks, without a length. */
export function replaceInChunks(other: Uint8Array): Fault {
  return ({ response }) => void response.writeHead(200, BINARY).end(other);
}

/** Compressed though nobody asked for it, and said so. */
export const compress: Fault = ({ response, bytes }) => {
  const body = gzipSync(bytes);
  response.writeHead(200, { ...BINARY, "content-encoding": "gzip", "content-length": body.length }).end(body);
};

/** Compressed and said so, broken off in the middle. */
export const compressAndCut: Fault = async ({ request, response, bytes, received }) => {
  const body = gzipSync(bytes);
  response.writeHead(200, { ...BINARY, "content-encoding": "gzip", "content-length": body.length });
  response.write(body.subarray(0, body.length / 2));
  await received(bytes.length / 4);
  request.socket.destroy();
};

/** Compressed, and not said so. */
export const compressInSecret: Fault = ({ response, bytes }) => {
  const body = gzipSync(bytes);
  response.writeHead(200, { ...BINARY, "content-length": body.length }).end(body);
};

/** A part of the compressed file, where one of the file was asked for. */
export const compressRest: Fault = ({ response, bytes, start }) => {
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  const body = gzipSync(bytes.subarray(start));
  response.writeHead(206, { ...BINARY, "content-encoding": "gzip", "content-range": range }).end(body);
};

/** Sends spaces for as long as anyone takes them. */
export const neverEnd: Fault = ({ response }) => {
  const spaces = Buffer.alloc(1 << 20, " ");
  const send = (): void => {
    if (!response.destroyed) response.write(spaces, send);
  };
  response.writeHead(200, BINARY);
  send();
};

/** Says nothing at all. */
export const stall: Fault = ({ reached }) => reached();

/** Sends so many bytes and then no more, with the connection open. */
export function stallAfter(numBytes: number): Fault {
  return async ({ response, bytes, etag, received, reached }) => {
    response.writeHead(200, { ...BINARY, etag, "content-length": bytes.length });
    response.write(bytes.subarray(0, numBytes));
    await received(numBytes);
    reached();
  };
}

/** Sends so many bytes, and the rest when it is released. */
export function holdAfter(numBytes: number): Fault {
  return async ({ response, bytes, etag, received, reached, released }) => {
    response.writeHead(200, { ...BINARY, etag, "content-length": bytes.length });
    response.write(bytes.subarray(0, numBytes));
    await received(numBytes);
    reached();
    await released;
    response.end(bytes.subarray(numBytes));
  };
}

/** A server that knows no ranges: all of the file, whatever is asked for. */
export const ignoreRange: Fault = ({ response, bytes }) => {
  response.writeHead(200, { ...BINARY, "content-length": bytes.length }).end(bytes);
};

/** The part begins so many bytes later than asked for, and says so. */
export function shiftRange(by: number): Fault {
  return ({ response, bytes, start }) => {
    const range = `bytes ${start + by}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(206, { ...BINARY, "content-range": range }).end(bytes.subarray(start + by));
  };
}

/** A part that nobody asked for. */
export const partUnasked: Fault = ({ response, bytes }) => {
  const range = `bytes 0-99/${bytes.length}`;
  response.writeHead(206, { ...BINARY, "content-range": range, "content-length": 100 }).end(bytes.subarray(0, 100));
};

/** The rest of another version of the file. */
export function resumeFrom(other: Uint8Array, etag: string): Fault {
  return ({ response, start }) => {
    const range = `bytes ${start}-${other.length - 1}/${other.length}`;
    response.writeHead(206, { ...BINARY, etag, "content-range": range }).end(other.subarray(start));
  };
}
