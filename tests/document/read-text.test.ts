import { describe, expect, test } from "vitest";
import { DocumentError } from "../../src/document/document-error.ts";
import { htmlText } from "../../src/document/html-text.ts";
import { readText } from "../../src/document/read-text.ts";
import type { TextSource } from "../../src/document/text-source.ts";

async function textOf(source: TextSource): Promise<string> {
  let text = "";
  for await (const chunk of readText(source)) text += chunk;
  return text;
}

function file(name: string, content: BlobPart, type = ""): TextSource {
  return { kind: "file", name, file: new Blob([content], { type }) };
}

async function* inChunks(text: string, length: number): AsyncGenerator<string, void> {
  for (let start = 0; start < text.length; start += length)
    yield await Promise.resolve(text.slice(start, start + length));
}

async function textOfHtml(html: string, length: number): Promise<string> {
  let text = "";
  for await (const chunk of htmlText(inChunks(html, length))) text += chunk;
  return text;
}

describe("a document's text", () => {
  test("is what was typed, with plain line ends", async () => {
    expect(await textOf({ kind: "text", name: "typed", text: "a\r\nb\rc\n" })).toBe("a\nb\nc\n");
  });

  test("comes from files in UTF-8 and UTF-16, without the byte order mark", async () => {
    expect(await textOf(file("a.txt", "\ufeffnaïve 🙂\r\n"))).toBe("naïve 🙂\n");
    const units = Uint16Array.from("\ufeffnaïve", (letter) => letter.charCodeAt(0));
    expect(await textOf(file("a.md", units))).toBe("naïve");
  });

  test("is refused where the file is none", async () => {
    await expect(textOf(file("a.zip", new Uint8Array([0x50, 0x4b, 0, 0])))).rejects.toThrow(
      new DocumentError("a.zip: expected text, HTML or PDF, got bytes that are none"),
    );
  });

  test("is the same sample for the same seed", async () => {
    const sample = { kind: "sample", seed: 4, numTokens: 500, depths: [0.5] } as const;
    expect(await textOf(sample)).toBe(await textOf(sample));
  });
});

describe("an HTML page as text", () => {
  const html = `<!doctype html><html><head><title>Not this</title><style>p { color: red }</style></head>
    <body><h1>The   <em>fox</em></h1><p>runs &amp; hides,<br>caf&eacute; &#x1F98A;&nbsp;!</p>
    <script>if (a < b) alert("no")</script><ul><li>one<li>two</ul><pre>a
  b</pre><table><tr><td>x<td>y</table>end</body></html>`;
  const text = "The fox\n\nruns & hides,\ncafé 🦊\u00a0!\n\none\ntwo\n\na\n  b\n\nx y\n\nend";

  test("has its words, paragraphs and lines, and nothing that is not shown", async () => {
    expect(await textOfHtml(html, html.length)).toBe(text);
    expect(await textOf(file("page.HTML", html))).toBe(text);
    expect(await textOf(file("page", html, "text/html"))).toBe(text);
  });

  test("is the same wherever the chunks are cut", async () => {
    for (let length = 1; length < 40; length++) expect(await textOfHtml(html, length), `${length}`).toBe(text);
  });
});
