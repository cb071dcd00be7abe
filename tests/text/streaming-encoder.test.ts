import { describe, expect, test } from "vitest";
import { StreamingEncoder } from "../../src/text/streaming-encoder.ts";
import { Tokenizer } from "../../src/text/tokenizer.ts";
import { cases, tokenizer, tokenizerConfigJson, tokenizerJson } from "./fixtures.ts";
import { createRandom, randomText } from "./random-text.ts";

const random = createRandom(41);

/** Long enough for several steps of the encoder. */
function longText(): string {
  let text = "";
  while (text.length < 30_000)
    text += random() < 0.5 ? randomText(random) : `${cases[Math.floor(random() * cases.length)].text} `;
  return text;
}

function encodeInChunks(text: string, nextLength: () => number, encoder = new StreamingEncoder(tokenizer)): number[] {
  const ids: number[] = [];
  for (let start = 0; start < text.length;) {
    const length = nextLength();
    for (const step of encoder.push(text.slice(start, start + length))) ids.push(...step);
    start += length;
  }
  return [...ids, ...encoder.end()];
}

describe("a text that comes in chunks", () => {
  test("has the ids of the whole text, wherever 200 texts are cut", () => {
    const texts = [...cases.slice(0, 192).map(({ text }) => text), ...Array.from({ length: 8 }, longText)];
    expect(texts).toHaveLength(200);
    for (const text of texts) {
      const expected = tokenizer.encodePlain(text);
      const longest = 1 + random() * (text.length < 1000 ? 20 : 12_000);
      for (let trial = 0; trial < 3; trial++) {
        const ids = encodeInChunks(text, () => Math.ceil(random() * longest));
        expect(ids, JSON.stringify(text.slice(0, 200))).toEqual(expected);
      }
    }
  });

  test("is cut between its steps too when it is flushed after each chunk", () => {
    let numFlushed = 0;
    for (const { text } of cases) {
      const encoder = new StreamingEncoder(tokenizer);
      const ids: number[] = [];
      for (let start = 0; start < text.length;) {
        const length = Math.ceil(random() * 12);
        for (const step of encoder.push(text.slice(start, start + length))) ids.push(...step);
        const flushed = encoder.flush();
        numFlushed += flushed.length;
        ids.push(...flushed);
        start += length;
      }
      ids.push(...encoder.end());
      expect(ids, JSON.stringify(text)).toEqual(tokenizer.encodePlain(text));
    }
    expect(numFlushed).toBeGreaterThan(1000);
  });

  test("holds back little, and what is held begins where a word ended", () => {
    const encoder = new StreamingEncoder(tokenizer);
    const text = "It was the best of times, it was the worst of times. ".repeat(2000);
    let longest = 0;
    for (let start = 0; start < text.length; start += 1000) {
      for (const step of encoder.push(text.slice(start, start + 1000))) expect(step.length).toBeGreaterThan(0);
      longest = Math.max(longest, encoder.held.length);
    }
    expect(longest).toBeLessThan(10_000);
    encoder.flush();
    expect(encoder.held).toBe(". ");
    expect(encoder.end()).toEqual(tokenizer.encodePlain(". "));
    expect(encoder.held).toBe("");
  });

  test("is held as a whole where no words end", () => {
    const encoder = new StreamingEncoder(tokenizer);
    const text = "-".repeat(20_000);
    expect([...encoder.push(text)]).toEqual([]);
    expect(encoder.held).toBe(text);
    expect(encoder.end()).toEqual(tokenizer.encodePlain(text));
  });

  test("is held as a whole for a tokenizer whose pieces cross words", () => {
    const json = { ...tokenizerJson, pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: false } };
    const wholeTexts = Tokenizer.parse(json, tokenizerConfigJson);
    expect(wholeTexts.endsPiecesWithWords).toBe(false);
    expect(tokenizer.endsPiecesWithWords).toBe(true);
    const text = "one two three ".repeat(1000);
    const ids = encodeInChunks(text, () => 700, new StreamingEncoder(wholeTexts));
    expect(ids).toEqual(wholeTexts.encodePlain(text));
  });
});

test("a head is ids up to its last control token, and text that may still be merged", () => {
  const [control] = tokenizer.encode("<beginning_of_sentence>");
  expect(tokenizer.encodeHead("<beginning_of_sentence>user\n")).toEqual({ ids: [control], rest: "user\n" });
  expect(tokenizer.encodeHead("user\n")).toEqual({ ids: [], rest: "user\n" });
  expect(tokenizer.encodeHead("a<beginning_of_sentence>").rest).toBe("");
});
