import { describe, expect, test } from "vitest";
import { createChronicle } from "../../src/document/chronicle.ts";
import { drawFacts, isRightAnswer } from "../../src/document/facts.ts";
import { createRandom } from "../../src/document/random.ts";
import { tokenizer } from "../text/fixtures.ts";

function writeOut(seed: number, numTokens: number, depths: readonly number[]): string {
  return [...createChronicle(seed, numTokens, depths).paragraphs()].join("");
}

describe("a chronicle", () => {
  test("has about as many tokens as were asked for, in the shipped vocabulary", () => {
    for (const numTokens of [1000, 4000, 50_000]) {
      const ratio = tokenizer.encodePlain(writeOut(5, numTokens, [0.5])).length / numTokens;
      expect(ratio, `${numTokens}`).toBeGreaterThan(0.9);
      expect(ratio, `${numTokens}`).toBeLessThan(1.1);
    }
  });

  test("is the same text from the same seed, and another from another", () => {
    expect(writeOut(7, 1000, [0.2, 0.8])).toBe(writeOut(7, 1000, [0.2, 0.8]));
    expect(writeOut(7, 1000, [0.2, 0.8])).not.toBe(writeOut(8, 1000, [0.2, 0.8]));
  });

  test("holds each fact once, where its depth says, also at both ends", () => {
    for (let seed = 0; seed < 20; seed++) {
      const chronicle = createChronicle(seed, 8000, [1, 0, 0.25, 0.5, 0.75]);
      const text = [...chronicle.paragraphs()].join("");
      expect(chronicle.facts.map(({ depth }) => depth)).toEqual([0, 0.25, 0.5, 0.75, 1]);
      for (const { statement, answer, depth } of chronicle.facts) {
        const place = text.indexOf(statement);
        expect(text.split(statement), statement).toHaveLength(2);
        expect(statement).toContain(answer);
        expect(Math.abs(place / text.length - depth), statement).toBeLessThan(0.04);
      }
    }
  });

  test("answers the question about a fact nowhere else", () => {
    const chronicle = createChronicle(3, 100_000, [0.5]);
    const [{ statement, answer }] = chronicle.facts;
    const text = [...chronicle.paragraphs()].join("").replace(statement, "");
    expect(text).not.toContain(answer);
  });

  test("leaves no word of its wordings unfilled", () => {
    const text = writeOut(11, 60_000, [0.1, 0.3, 0.5, 0.7, 0.9]);
    expect(text).not.toMatch(/[{}]|undefined/);
  });
});

describe("facts", () => {
  test("of one text never share a question", () => {
    const facts = drawFacts(createRandom(2), 200);
    const names = facts.map(({ question }) => question);
    expect(new Set(names).size).toBe(names.length);
    for (const { statement, question } of facts) expect(statement + question).not.toMatch(/[{}]|undefined/);
  });

  test("are told right by an answer that has them as whole words, in any case and with any punctuation", () => {
    expect(isRightAnswer("The code is ABC-1234.", { answer: "ABC-1234" })).toBe(true);
    expect(isRightAnswer("it is the KITCHEN", { answer: "kitchen" })).toBe(true);
    expect(isRightAnswer("12345", { answer: "1234" })).toBe(false);
    expect(isRightAnswer("I cannot find that in the text.", { answer: "Quito" })).toBe(false);
  });
});
