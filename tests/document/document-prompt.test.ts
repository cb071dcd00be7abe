import { describe, expect, test } from "vitest";
import { DocumentPrompt } from "../../src/document/document-prompt.ts";
import { DOCUMENT_LEAD } from "../../src/document/facts.ts";
import { ChatTemplate } from "../../src/text/chat-template.ts";
import { cases, tokenizer, tokenizerConfigJson } from "../text/fixtures.ts";
import { createRandom, randomText } from "../text/random-text.ts";

const template = ChatTemplate.parse(tokenizerConfigJson, tokenizer);
const prompt = new DocumentPrompt(tokenizer, template);
const random = createRandom(17);

async function* cut(text: string): AsyncGenerator<string, void> {
  for (let start = 0; start < text.length;) {
    const length = Math.ceil(random() * 3000);
    yield await Promise.resolve(text.slice(start, start + length));
    start += length;
  }
}

async function encode(text: string): Promise<{ readonly ids: readonly number[]; readonly held: string }> {
  const ids: number[] = [];
  const steps = prompt.encodeDocument(cut(text));
  let step = await steps.next();
  for (; !step.done; step = await steps.next()) ids.push(...step.value);
  return { ids, held: step.value };
}

describe("a document and a question", () => {
  test("have the ids of one message with both, whatever the text ends with", async () => {
    const endings = [".", "!\n\n", " word", " word  \n", "x", "?”", "…", ""];
    const texts = [...cases.map(({ text }) => text), ...Array.from({ length: 40 }, () => randomText(random))];
    for (const [index, text] of texts.entries()) {
      const document = `It began so. ${text}${endings[index % endings.length]}`;
      const { ids, held } = await encode(document);
      for (const question of ["Where is the red fern?", "(and why)", "\nAnd then?\n"]) {
        const content = `${DOCUMENT_LEAD}\n\n${document.trimEnd()}\n\n${question.trim()}`;
        const whole = template.encodeTurn([], [{ role: "user", content }], { previousAnswerEnded: false });
        expect([...ids, ...prompt.encodeQuestion(held, question)], JSON.stringify(document)).toEqual(whole);
      }
    }
  });

  test("leave no more to be read with a question than the text after the last word", async () => {
    const { ids, held } = await encode("One two three. ".repeat(2000) + "The end.");
    expect(held).toBe(".");
    expect(ids.length).toBeGreaterThan(6000);
  });

  test("keep typed control tokens as plain text", async () => {
    const { ids } = await encode("A <end_of_sentence> in the text, and more.");
    const [end] = tokenizer.encode("<end_of_sentence>");
    expect(ids).not.toContain(end);
  });
});

test("a template without a place for a message is refused", () => {
  const config = { ...tokenizerConfigJson, chat_template: "no place" };
  expect(() => ChatTemplate.parse(config, tokenizer).frameMessage()).toThrow(
    "tokenizer_config.json chat_template: expected one place for the text of user, got 0",
  );
});
