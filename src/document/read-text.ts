// The text of a document, whatever it is made of, in chunks of any length.

import { createChronicle } from "./chronicle.ts";
import { DocumentError } from "./document-error.ts";
import type { TextSource } from "./text-source.ts";

/** Line ends are `\n`. Throws DocumentError for a file that is no text. */
export async function* readText(source: TextSource): AsyncGenerator<string, void> {
  switch (source.kind) {
    case "text":
      yield source.text.replace(/\r\n?/g, "\n");
      return;
    case "sample":
      yield* createChronicle(source.seed, source.numTokens, source.depths).paragraphs();
      return;
    case "file":
      yield* withPlainLineEnds(readFile(source.name, source.file));
  }
}

async function* readFile(name: string, file: Blob): AsyncGenerator<string, void> {
  const suffix = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase();
  if (suffix === "pdf" || file.type === "application/pdf") {
    // Script that most visitors never need: it is fetched for those who do.
    const { pdfText } = await import("./pdf-text.ts");
    yield* pdfText(name, file);
  } else if (suffix === "html" || suffix === "htm" || suffix === "xhtml" || file.type === "text/html") {
    const { htmlText } = await import("./html-text.ts");
    yield* htmlText(decodeFile(name, file));
  } else {
    yield* decodeFile(name, file);
  }
}

/** UTF-8, or UTF-16 where a byte order mark says so. */
async function* decodeFile(name: string, file: Blob): AsyncGenerator<string, void> {
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const mark =
    start[0] === 0xff && start[1] === 0xfe ? "utf-16le" : start[0] === 0xfe && start[1] === 0xff ? "utf-16be" : "utf-8";
  const decoder = new TextDecoder(mark);
  const reader = file.stream().getReader();
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const text = decoder.decode(chunk.value, { stream: true });
      if (text.includes("\0")) throw new DocumentError(`${name}: expected text, HTML or PDF, got bytes that are none`);
      yield text;
    }
  } finally {
    reader.releaseLock();
  }
  yield decoder.decode();
}

async function* withPlainLineEnds(chunks: AsyncIterable<string>): AsyncGenerator<string, void> {
  let held = "";
  for await (const chunk of chunks) {
    // A line end may be cut in two.
    const text = held + chunk;
    held = text.endsWith("\r") ? "\r" : "";
    yield text.slice(0, text.length - held.length).replace(/\r\n?/g, "\n");
  }
  if (held) yield "\n";
}
