// The text of an HTML page as a reader sees it: no markup, scripts or styles; blocks are paragraphs.

import { Parser } from "htmlparser2";

/** Of these nothing is shown. */
const HIDDEN = new Set([
  "script",
  "style",
  "template",
  "noscript",
  "head",
  "svg",
  "iframe",
  "object",
  "select",
  "textarea",
]);

const PARAGRAPHS = new Set(
  "p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure section article header footer main nav aside div hr form".split(
    " ",
  ),
);
const LINES = new Set(["br", "li", "dt", "dd", "tr", "caption", "figcaption", "option"]);

/** @param chunks cut anywhere */
export async function* htmlText(chunks: AsyncIterable<string>): AsyncGenerator<string, void> {
  let text = "";
  /** Line ends that come before the next word, if one comes. */
  let pendingLines = 0;
  let pendingSpace = false;
  let hasText = false;
  let numHidden = 0;
  let numPre = 0;

  const breakLine = (lines: number): void => {
    pendingLines = Math.max(pendingLines, lines);
  };
  const append = (piece: string): void => {
    if (hasText) text += pendingLines > 0 ? "\n".repeat(pendingLines) : pendingSpace ? " " : "";
    pendingLines = 0;
    pendingSpace = false;
    hasText = true;
    text += piece;
  };
  const blockOf = (name: string): number => (PARAGRAPHS.has(name) ? 2 : LINES.has(name) ? 1 : 0);

  const parser = new Parser({
    onopentagname: (name) => {
      if (HIDDEN.has(name)) numHidden++;
      if (name === "pre") numPre++;
      if (name === "td" || name === "th") pendingSpace = true;
      breakLine(blockOf(name));
    },
    onclosetag: (name) => {
      if (HIDDEN.has(name)) numHidden--;
      if (name === "pre") numPre--;
      breakLine(blockOf(name));
    },
    ontext: (piece) => {
      if (numHidden > 0) return;
      if (numPre > 0) return append(piece);
      const words = piece.split(/[ \t\r\n\f]+/);
      for (const [index, word] of words.entries()) {
        if (index > 0) pendingSpace = true;
        if (word !== "") append(word);
      }
    },
  });
  for await (const chunk of chunks) {
    parser.write(chunk);
    if (text !== "") yield text;
    text = "";
  }
  parser.end();
  if (text !== "") yield text;
}
