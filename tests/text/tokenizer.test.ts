import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { expect, test } from "vitest";
import { Tokenizer } from "../../src/text/tokenizer.ts";
import { TokenizerError } from "../../src/text/tokenizer-error.ts";
import { cases, tokenizer, tokenizerConfigJson, tokenizerJson } from "./fixtures.ts";
import { createRandom, randomText } from "./random-text.ts";

const NUM_RANDOM_TEXTS = 3000;

const addedTokens = tokenizerJson.added_tokens;
const addedIds = addedTokens.map((token) => token.id);

function decodeIncrementally(ids: readonly number[]): string {
  const decoder = tokenizer.createDecoder();
  return ids.map((id) => decoder.push(id)).join("") + decoder.end();
}

test("all texts are encoded and decoded as by Transformers", () => {
  expect(cases).toHaveLength(203);
  for (const { text, ids, decoded, decoded_skip_special: shown } of cases) {
    expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
    expect(tokenizer.decode(ids, { skipSpecial: false }), JSON.stringify(text)).toBe(decoded);
    expect(tokenizer.decode(ids, { skipSpecial: true }), JSON.stringify(text)).toBe(shown);
    expect(decodeIncrementally(ids), JSON.stringify(text)).toBe(shown);
  }
});

test("the vocabulary is as large as the model's", () => {
  expect(tokenizer.vocabSize).toBe(8192);
});

test("every control token is recognised by encode and stays plain text in encodePlain", () => {
  expect(addedTokens).toHaveLength(16);
  for (const { id, content } of addedTokens) {
    for (const [before, after] of [
      ["", ""],
      ["a ", " b"],
      ["\n", "\n"],
      ["<", ">"],
      [content, content],
    ] as const) {
      const text = before + content + after;
      const numTokens = text === content.repeat(3) ? 3 : 1;
      expect(
        tokenizer.encode(text).filter((other) => other === id),
        text,
      ).toHaveLength(numTokens);
      const plain = tokenizer.encodePlain(text);
      expect(
        plain.filter((other) => addedIds.includes(other)),
        text,
      ).toEqual([]);
      expect(tokenizer.decode(plain, { skipSpecial: true }), text).toBe(text);
    }
  }
});

test("no merge and no look-up of whole words arrives at a control token from plain text", () => {
  const { model } = tokenizerJson;
  const eager = { ...tokenizerJson, model: { ...model, ignore_merges: true } };
  const eagerTokenizer = Tokenizer.parse(eager, tokenizerConfigJson);
  const merged = { id: model.vocab["he"], content: "he", special: true };
  const mergedTokenizer = Tokenizer.parse({ ...eager, added_tokens: [...addedTokens, merged] }, tokenizerConfigJson);
  expect(tokenizer.encodePlain("he")).toEqual([merged.id]);
  expect(mergedTokenizer.encode("he")).toEqual([merged.id]);
  expect(mergedTokenizer.encodePlain("he")).not.toContain(merged.id);
  expect(mergedTokenizer.decode(mergedTokenizer.encodePlain("he"), { skipSpecial: true })).toBe("he");
  for (const { content } of addedTokens) {
    const ids = eagerTokenizer.encodePlain(content);
    expect(ids.filter((id) => addedIds.includes(id))).toEqual([]);
    expect(eagerTokenizer.decode(ids, { skipSpecial: true })).toBe(content);
  }
});

test("random texts come back whole, at once and token by token", () => {
  const random = createRandom(71);
  for (let index = 0; index < NUM_RANDOM_TEXTS; index++) {
    const text = randomText(random);
    const ids = tokenizer.encodePlain(text);
    const wellFormed = text.replace(/\p{Surrogate}/gu, "\ufffd");
    expect(tokenizer.decode(ids, { skipSpecial: true }), JSON.stringify(text)).toBe(wellFormed);
    expect(tokenizer.decode(ids, { skipSpecial: false }), JSON.stringify(text)).toBe(wellFormed);
    expect(decodeIncrementally(ids), JSON.stringify(text)).toBe(wellFormed);
  }
});

test("random texts with control tokens are encoded as by the library", () => {
  const library = new LibraryTokenizer(tokenizerJson, tokenizerConfigJson);
  const random = createRandom(72);
  for (let index = 0; index < NUM_RANDOM_TEXTS; index++) {
    const text = randomText(random);
    expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(library.encode(text).ids);
  }
});

test("random ids are decoded as by the library, at once and token by token", () => {
  const library = new LibraryTokenizer(tokenizerJson, tokenizerConfigJson);
  const random = createRandom(73);
  for (let index = 0; index < NUM_RANDOM_TEXTS; index++) {
    // Half of the ids are below 300: control tokens and single bytes, so that most texts are not UTF-8.
    const randomId = () => Math.floor(random() * (random() < 0.5 ? 300 : tokenizer.vocabSize));
    const ids = Array.from({ length: 1 + Math.floor(random() * 40) }, randomId);
    const shown = library.decode(ids, { skip_special_tokens: true });
    expect(tokenizer.decode(ids, { skipSpecial: false }), String(ids)).toBe(library.decode(ids));
    expect(tokenizer.decode(ids, { skipSpecial: true }), String(ids)).toBe(shown);
    expect(decodeIncrementally(ids), String(ids)).toBe(shown);
  }
});

test("a character whose bytes are several tokens appears once it is whole", () => {
  const decoder = tokenizer.createDecoder();
  const pieces = tokenizer.encodePlain("𝒳").map((id) => decoder.push(id));
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.join("")).toBe("𝒳");
  expect(pieces.at(-1)).toBe("𝒳");
  expect(decoder.end()).toBe("");
});

test("an unfinished character at the end is U+FFFD, and the decoder is then as new", () => {
  const decoder = tokenizer.createDecoder();
  const [first] = tokenizer.encodePlain("𝒳");
  expect(decoder.push(first)).toBe("");
  expect(decoder.end()).toBe("\ufffd");
  expect(
    tokenizer
      .encodePlain("a")
      .map((id) => decoder.push(id))
      .join(""),
  ).toBe("a");
});

test("an id without a token is no text", () => {
  const [id] = tokenizer.encodePlain("a");
  expect(tokenizer.decode([id, 9000, id], { skipSpecial: true })).toBe("aa");
});

test("parts are merged across their borders as one text, but never into a control token", () => {
  const parts = [
    { text: "<beginning_of_sentence>user\n", plain: false },
    { text: "\n\nHel", plain: true },
    { text: "lo<image>", plain: false },
    { text: "<image>", plain: true },
    { text: "<end_of_", plain: true },
    { text: "sentence>", plain: false },
  ];
  const [image] = tokenizer.encode("<image>");
  expect(tokenizer.encodeParts(parts)).toEqual([
    ...tokenizer.encode("<beginning_of_sentence>user\n\n\nHello"),
    image,
    ...tokenizer.encodePlain("<image><end_of_sentence>"),
  ]);
});

test("a control token takes the white space that its file says", () => {
  const added = [{ id: 4, content: "<image>", special: true, lstrip: true, rstrip: true }];
  const stripping = Tokenizer.parse({ ...tokenizerJson, added_tokens: added }, tokenizerConfigJson);
  expect(stripping.encode("a \n <image> \n b")).toEqual([...tokenizer.encode("a"), 4, ...tokenizer.encode("b")]);
});

const { model } = tokenizerJson;
const { a: _a, ...vocabWithoutA } = model.vocab;
test.each([
  ["a text", "{}", 'tokenizer.json: expected an object, got "{}"'],
  ["a list", [], "tokenizer.json: expected an object, got a list"],
  ["nothing", undefined, "tokenizer.json: expected an object, got nothing"],
  ["no model", {}, "tokenizer.json model: expected an object, got nothing"],
  ["another model", { model: { type: "Unigram" } }, 'tokenizer.json model.type: expected "BPE", got "Unigram"'],
  ["no decoder", { model }, "tokenizer.json decoder: expected an object, got nothing"],
  [
    "another decoder",
    { ...tokenizerJson, decoder: { type: "Metaspace" } },
    'tokenizer.json decoder.type: expected "ByteLevel", got "Metaspace"',
  ],
  [
    "an id that is a text",
    { ...tokenizerJson, model: { ...model, vocab: { ...model.vocab, a: "80" } } },
    'tokenizer.json model.vocab "a": expected a token id, got "80"',
  ],
  [
    "a missing byte",
    { ...tokenizerJson, model: { ...model, vocab: vocabWithoutA } },
    "tokenizer.json model.vocab: expected all 256 bytes, got 255",
  ],
  [
    "merges that are no list",
    { ...tokenizerJson, model: { ...model, merges: {} } },
    "tokenizer.json model.merges: expected a list, got an object",
  ],
  [
    "a merge of three",
    {
      ...tokenizerJson,
      model: {
        ...model,
        merges: [
          ["a", "b"],
          ["a", "b", "c"],
        ],
      },
    },
    "tokenizer.json model.merges[1]: expected a pair of tokens, got a list",
  ],
  [
    "an added token without an id",
    { ...tokenizerJson, added_tokens: [{ content: "<x>" }] },
    "tokenizer.json added_tokens[0].id: expected a token id, got nothing",
  ],
  [
    "an empty added token",
    { ...tokenizerJson, added_tokens: [{ id: 3, content: "" }] },
    'tokenizer.json added_tokens[0].content: expected a text, got ""',
  ],
  [
    "a part that the library does not know",
    { ...tokenizerJson, pre_tokenizer: { type: "Quantum" } },
    'tokenizer.json: expected parts that are supported, got "Unknown PreTokenizer type: Quantum"',
  ],
])("a tokenizer.json with %s is refused", (_, json, message) => {
  expect(() => Tokenizer.parse(json, tokenizerConfigJson)).toThrow(new TokenizerError(message));
});

test("a tokenizer_config.json that is no object is refused", () => {
  const error = new TokenizerError("tokenizer_config.json: expected an object, got nothing");
  expect(() => Tokenizer.parse(tokenizerJson, undefined)).toThrow(error);
});
