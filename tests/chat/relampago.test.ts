// The shipped model in a conversation that stop strings end.

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openModelFolder } from "../../scripts/node/files.ts";
import { loadChatModel, readManifest } from "../../src/chat/chat-model.ts";
import { Conversation } from "../../src/chat/conversation.ts";
import { useSession } from "../gpu/harness.ts";
import { say } from "./made-up-chat.ts";

const session = useSession();
const FOLDER = fileURLToPath(new URL("../../public/models/relampago-71m/", import.meta.url));
const NUM_TOKENS = 9;

test(
  "the shipped model's answer ends before a stop string, and the next turn goes on from there",
  { timeout: 900_000 },
  async () => {
    const files = openModelFolder(FOLDER);
    const chatModel = await loadChatModel(session(), await readManifest(files), files);
    const sequence = await chatModel.model.createSequence(256);
    const conversation = new Conversation({ ...chatModel, sequence });
    const chat = { conversation, sequence };
    conversation.clear("");
    const whole = await say(chat, "Who are you?", { maxTokens: NUM_TOKENS });
    expect(whole.tokenIds).toHaveLength(NUM_TOKENS);
    // From within the sixth token into the eighth.
    const { tokenizer } = chatModel;
    const textOf = (numTokens: number) => tokenizer.decode(whole.tokenIds.slice(0, numTokens), { skipSpecial: true });
    const cut = textOf(5).length + 1;
    expect(cut).toBeLessThan(textOf(6).length);
    const stopString = whole.text.slice(cut, textOf(7).length + 1);
    expect(whole.text.indexOf(stopString)).toBe(cut);

    conversation.clear("");
    const stopped = await say(chat, "Who are you?", { maxTokens: NUM_TOKENS, stopStrings: [stopString] });
    expect(stopped).toMatchObject({ reason: "stop-string", text: whole.text.slice(0, cut), shownTokens: 5 });
    expect([...sequence.log.tokenIds.slice(stopped.timings.promptTokens), sequence.pendingToken]).toEqual(
      whole.tokenIds.slice(0, 5),
    );
    const next = await say(chat, "And where do you live?", { maxTokens: 2 });

    conversation.clear("");
    await say(chat, "Who are you?", { maxTokens: 5 });
    const expected = await say(chat, "And where do you live?", { maxTokens: 2 });
    expect(next.tokenIds).toEqual(expected.tokenIds);
    conversation.destroy();
    sequence.destroy();
  },
);
