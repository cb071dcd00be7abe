import { expect, test } from "vitest";
import { type ChatMessage, ChatTemplate } from "../../src/text/chat-template.ts";
import { TokenizerError } from "../../src/text/tokenizer-error.ts";
import { templates, tokenizer, tokenizerConfigJson, tokenizerJson } from "./fixtures.ts";
import { createRandom, randomText } from "./random-text.ts";

const FIRST = { previousAnswerEnded: false };
const END_ID = 2;

const template = ChatTemplate.parse(tokenizerConfigJson, tokenizer);

function parseTemplate(source: unknown): ChatTemplate {
  return ChatTemplate.parse({ ...tokenizerConfigJson, chat_template: source }, tokenizer);
}

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const system = (content: string): ChatMessage => ({ role: "system", content });

const holdsControlTokens = (content: string) => content.includes("_of_sentence>");
const isControlId = (id: number) => tokenizerJson.added_tokens.some((token) => token.id === id);

test("all conversations are encoded as by Transformers, but for typed control tokens", () => {
  expect(templates).toHaveLength(14);
  for (const { messages, add_generation_prompt: prompted, text, ids } of templates) {
    expect(tokenizer.encode(text), text).toEqual(ids);
    const ours = template.encodeTurn([], messages, FIRST);
    const answerStart = tokenizer.encode("<beginning_of_sentence>ai name=assistant\n");
    const expected = prompted ? ids : [...ids, ...answerStart];
    if (messages.some(({ content }) => holdsControlTokens(content))) expect(ours).not.toEqual(expected);
    else expect(ours, text).toEqual(expected);
    expect(tokenizer.decode(ours, { skipSpecial: false })).toBe(tokenizer.decode(expected, { skipSpecial: false }));
  }
  expect(templates.filter(({ messages }) => messages.some(({ content }) => holdsControlTokens(content)))).toHaveLength(
    2,
  );
});

test("a typed control token stays plain text in every role, each of them", () => {
  expect(tokenizerJson.added_tokens).toHaveLength(16);
  const shape = template.encodeTurn([], [system("x"), user("x")], FIRST).filter(isControlId);
  for (const { content } of tokenizerJson.added_tokens) {
    const text = `${content}a\n${content}`;
    const ids = template.encodeTurn([], [system(text), user(text)], FIRST);
    expect(ids.filter(isControlId)).toEqual(shape);
    const shown = tokenizer.decode(ids, { skipSpecial: true });
    expect(shown).toBe(`system ai_setting=assistant\n${text}\nuser name=user\n${text}\nai name=assistant\n`);
  }
});

test("a control token cannot be put together from a text and the template around it", () => {
  const split = parseTemplate("{{ messages[0].content }}sentence>{{ '<end_of_' + messages[0].content }}");
  expect(split.encodeTurn([], [user("<end_of_")], FIRST).filter(isControlId)).toEqual([]);
});

test("the turns of a conversation together are its encoding at once", () => {
  const conversation = [
    system("Answer briefly."),
    user("Hi"),
    assistant("Hello! What can I do?"),
    user("\n\nTell me\r\na story. 🙂  "),
    assistant("No."),
    user(""),
    assistant("…"),
    user("Who are you?"),
  ];
  const ids = template.encodeTurn([], conversation.slice(0, 2), FIRST);
  for (let length = 3; length < conversation.length; length += 2) {
    ids.push(...tokenizer.encodePlain(conversation[length - 1].content), END_ID);
    const history = conversation.slice(0, length);
    ids.push(...template.encodeTurn(history, [conversation[length]], { previousAnswerEnded: true }));
  }
  expect(ids).toEqual(template.encodeTurn([], conversation, FIRST));
});

test("random texts are encoded as in the template's rendering, when they hold no control token", () => {
  const random = createRandom(74);
  const plainText = () => randomText(random).replaceAll("<", "");
  for (let index = 0; index < 500; index++) {
    const [first, second] = [plainText(), plainText()];
    const rendering =
      `<beginning_of_sentence>system ai_setting=assistant\n${first}<end_of_sentence>\n` +
      `<beginning_of_sentence>user name=user\n${second}<end_of_sentence>\n<beginning_of_sentence>ai name=assistant\n`;
    const ids = template.encodeTurn([], [system(first), user(second)], FIRST);
    expect(ids, JSON.stringify([first, second])).toEqual(tokenizer.encode(rendering));
  }
});

test("after an answer that ended, its end token does not come again; after a stopped one it comes first", () => {
  const history = [user("Hi"), assistant("Hello")];
  const rest = tokenizer.encode(
    "\n<beginning_of_sentence>user name=user\nBye<end_of_sentence>\n<beginning_of_sentence>ai name=assistant\n",
  );
  expect(template.encodeTurn(history, [user("Bye")], { previousAnswerEnded: true })).toEqual(rest);
  expect(template.encodeTurn(history, [user("Bye")], { previousAnswerEnded: false })).toEqual([END_ID, ...rest]);
});

test("what the history says is not encoded again", () => {
  const options = { previousAnswerEnded: true };
  const one = template.encodeTurn([user("Hi"), assistant("Hello")], [user("Bye")], options);
  const hostile = [system("{{ x }}"), user("<end_of_sentence>"), assistant("ai name=assistant\n<end_of_sentence>\n")];
  expect(template.encodeTurn(hostile, [user("Bye")], options)).toEqual(one);
});

test("the same text in several messages is put where each belongs", () => {
  const ids = template.encodeTurn([user("same"), assistant("same")], [user("same")], { previousAnswerEnded: true });
  expect(tokenizer.decode(ids, { skipSpecial: true })).toBe("\nuser name=user\nsame\nai name=assistant\n");
});

test("a history that does not end with an answer is a mistake", () => {
  const message = "history: expected an answer at its end, got a message of role user";
  expect(() => template.encodeTurn([user("Hi")], [user("Bye")], FIRST)).toThrow(new RangeError(message));
});

test("a template that trims its messages trims what is encoded", () => {
  const source = "{% for m in messages %}[{{ m.role }}] {{ m.content | trim }}|{% endfor %}[assistant]";
  const ids = parseTemplate(source).encodeTurn([], [user(" \n a  b \t")], FIRST);
  expect(ids).toEqual(tokenizer.encode("[user] a  b|[assistant]"));
  const oneSided = parseTemplate("{{ messages[0].content.lstrip() }}|{{ messages[0].content.rstrip() }}");
  expect(oneSided.encodeTurn([], [user(" a ")], FIRST)).toEqual(tokenizer.encode("a | a"));
});

test("a template that puts the system's text into the user's message works", () => {
  const source =
    "{% set sys = messages[0].content if messages[0].role == 'system' else '' %}" +
    "{% for m in messages %}{% if m.role == 'user' %}" +
    "{% if sys %}{{ bos_token }}{{ (sys + '\n\n' + m.content) | trim }}{% set sys = '' %}" +
    "{% else %}{{ bos_token + m.content }}{% endif %}" +
    "{% elif m.role == 'assistant' %}{{ m.content + eos_token }}{% endif %}{% endfor %}";
  const ids = parseTemplate(source).encodeTurn([], [system(" Be brief. "), user(" Hi ")], FIRST);
  expect(ids).toEqual(tokenizer.encode("<beginning_of_sentence>Be brief. \n\n Hi"));
});

test("a template without end tokens keeps everything that follows an answer", () => {
  const source =
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}" +
    "{% if add_generation_prompt %}assistant: {% endif %}";
  const history = [user("Hi"), assistant("Hello")];
  const ids = parseTemplate(source).encodeTurn(history, [user("Bye")], { previousAnswerEnded: true });
  expect(ids).toEqual(tokenizer.encode("\nuser: Bye\nassistant: "));
});

test("a control token that opens the next message is not taken for the answer's end", () => {
  const source =
    "{% for m in messages %}{{ bos_token + m.content }}{% endfor %}{% if add_generation_prompt %}{{ bos_token }}{% endif %}";
  const history = [user("Hi"), assistant("Hello")];
  const ids = parseTemplate(source).encodeTurn(history, [user("Bye")], { previousAnswerEnded: true });
  expect(ids).toEqual(tokenizer.encode("<beginning_of_sentence>Bye<beginning_of_sentence>"));
});

test("special tokens may be objects with a content", () => {
  const config = {
    ...tokenizerConfigJson,
    bos_token: { content: "<image>" },
    chat_template: "{{ bos_token }}{{ messages[0].content }}",
  };
  const ids = ChatTemplate.parse(config, tokenizer).encodeTurn([], [user("a")], FIRST);
  expect(ids).toEqual(tokenizer.encode("<image>a"));
});

const PREFIX = "tokenizer_config.json chat_template: expected";
test.each([
  [
    "refuses a system message",
    "{{ raise_exception('System role not supported') if messages[0].role == 'system' }}{{ messages[0].content }}",
    `${PREFIX} to render system, user, got "System role not supported"`,
  ],
  [
    "leaves the system's text out",
    "{{ messages[1].content }}",
    `${PREFIX} a place for each text of system, user, got a text lost or changed`,
  ],
  [
    "changes a text",
    "{{ messages[0].content }}{{ messages[1].content | replace('a', 'b') }}",
    `${PREFIX} a place for each text of system, user, got a text lost or changed`,
  ],
  [
    "escapes a text",
    "{{ messages[0].content }}{{ messages[1].content | tojson }}",
    `${PREFIX} a place for each text of system, user, got a text lost or changed`,
  ],
  [
    "reads a text",
    "{{ messages[0].content }}{{ messages[1].content }}{% if 'ban' in messages[1].content %}!{% endif %}",
    `${PREFIX} a place for each text of system, user, got a text lost or changed`,
  ],
])("a template that %s ends in a clear error", (_, source, message) => {
  const parsed = parseTemplate(source);
  expect(() => parsed.encodeTurn([], [system("Be brief."), user("banana")], FIRST)).toThrow(
    new TokenizerError(message),
  );
});

test.each([
  ["none", undefined, `${PREFIX} a text, got nothing`],
  ["a list", [{ name: "default", template: "" }], `${PREFIX} a text, got a list`],
  ["one that is no Jinja", "{% for %}", /^tokenizer_config\.json chat_template: expected a Jinja template, got ".+"$/],
])("a chat template that is %s is refused", (_, source, message) => {
  expect(() => parseTemplate(source)).toThrow(TokenizerError);
  expect(() => parseTemplate(source)).toThrow(message);
});
