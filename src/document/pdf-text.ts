// The text of a PDF file, page by page, through pdf.js, whose parser runs in a worker of its own. Fetched only when a PDF
// is opened.

import { getDocument, GlobalWorkerOptions } from "pdfjs-dist";
import { DocumentError } from "./document-error.ts";

/** Throws DocumentError for a file that pdf.js cannot read, and for one without any text, such as a scan. */
export async function* pdfText(name: string, file: Blob): AsyncGenerator<string, void> {
  GlobalWorkerOptions.workerPort ??= new Worker(new URL("pdfjs-dist/build/pdf.worker.min.mjs", import.meta.url), {
    type: "module",
    name: "pdf",
  });
  const task = getDocument({ data: new Uint8Array(await file.arrayBuffer()), disableFontFace: true, verbosity: 0 });
  const pdf = await task.promise.catch((cause: unknown) => {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new DocumentError(`${name}: expected a PDF that can be read, got ${JSON.stringify(got)}`, { cause });
  });
  let hasText = false;
  try {
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent();
      const text = items.map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : "")).join("");
      page.cleanup();
      if (text.trim() === "") continue;
      yield hasText ? `\n\n${text}` : text;
      hasText = true;
    }
  } finally {
    await task.destroy();
  }
  if (!hasText)
    throw new DocumentError(`${name}: expected text in its ${pdf.numPages} pages, got none (a scan, perhaps)`);
}
