// `npm run chat -- ["prompt"]`: an exported model answers in the terminal. Only answers go to stdout.

import { createInterface } from "node:readline";
import { CheckpointError } from "../src/checkpoint/checkpoint-error.ts";
import { type ChatModel, loadChatModel, readManifest } from "../src/chat/chat-model.ts";
import { Conversation } from "../src/chat/conversation.ts";
import type { SendOptions, TurnEnd } from "../src/chat/turn.ts";
import { FeatureChoiceError } from "../src/gpu/features.ts";
import { GpuSession, UnsupportedGpuError } from "../src/gpu/session.ts";
import { GREEDY, type Sampling } from "../src/kernels/call.ts";
import { TokenizerError } from "../src/text/tokenizer-error.ts";
import { CHAT_USAGE, type ChatOptions, parseChatOptions } from "./node/chat-options.ts";
import { openModelFolder } from "./node/files.ts";
import { openGpu } from "./node/gpu.ts";
import { readShaders } from "./node/shaders.ts";

/** An answer that ended, as far as it was shown. */
interface Answer extends TurnEnd {
  readonly text: string;
}

/** Aborts the answer that is running; undefined when there is none. */
let runningAnswer: AbortController | undefined;

/** Stops the answer, or quits; by the signal, since Dawn crashes in an orderly exit while the GPU works. */
function interrupt(): void {
  if (runningAnswer && !runningAnswer.signal.aborted) return runningAnswer.abort();
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
}

async function main(options: ChatOptions): Promise<void> {
  const { gpu, description } = await openGpu();
  process.on("SIGINT", interrupt);
  const session = await GpuSession.open(gpu, { shaders: readShaders(), features: options.features });
  void session.lost.then(({ message }) => fail(new Error(`GPU device: expected it to stay, got lost: ${message}`)));
  const chat = await openModel(session, options);
  const conversation = new Conversation({ ...chat, sequence: await chat.model.createSequence(chat.contextLength) });
  conversation.clear(options.system);
  const sampling: Sampling = {
    ...GREEDY,
    ...chat.defaultSampling,
    ...options.sampling,
    seed: options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
  };
  const send = { sampling, maxTokens: options.maxTokens, stopStrings: options.stopStrings };
  console.error(`${chat.name} on ${description}`);
  if (options.prompt === undefined) {
    await converse(conversation, send);
  } else if (options.json) {
    const { text, tokenIds: ids, reason: stopReason, timings } = await answer(conversation, options.prompt, send);
    const ledger = session.ledger.totals();
    const report = { text, ids, stopReason, timings, ledger, adapter: description, model: chat.name, sampling };
    await write(JSON.stringify(report, null, 2) + "\n");
  } else {
    tell(await answer(conversation, options.prompt, send, write));
  }
  conversation.destroy();
  session.close();
}

async function openModel(session: GpuSession, options: ChatOptions): Promise<ChatModel> {
  const files = openModelFolder(options.model);
  return loadChatModel(session, await readManifest(files), files, { onProgress: drawProgress });
}

/** Each line of the input is a message; the other seeds of a conversation follow from the first. */
async function converse(conversation: Conversation, send: SendOptions): Promise<void> {
  const isTerminal = process.stdin.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    ...(isTerminal ? { output: process.stderr } : {}),
    prompt: "> ",
  });
  lines.on("SIGINT", interrupt);
  let { seed } = send.sampling;
  if (isTerminal) lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== "") {
      const sampling = { ...send.sampling, seed };
      tell(await answer(conversation, line, { ...send, sampling }, write));
      seed = (seed + 1) >>> 0;
    }
    if (isTerminal) lines.prompt();
  }
}

/** The answer to one message; a stopped one is cut back to what was shown. */
async function answer(
  conversation: Conversation,
  message: string,
  options: SendOptions,
  show: (text: string) => Promise<void> = async () => undefined,
): Promise<Answer> {
  runningAnswer = new AbortController();
  try {
    const chunks = conversation.send(message, { ...options, signal: runningAnswer.signal });
    let text = "";
    let shownTokens = 0;
    let next = await chunks.next();
    for (; !next.done; next = await chunks.next()) {
      text += next.value.text;
      shownTokens = next.value.generatedTokens;
      await show(next.value.text);
    }
    if (text !== "") await show("\n");
    const { reason, tokenIds, timings } = next.value;
    if (reason === "stopped") await conversation.cutAnswer(shownTokens);
    return { reason, tokenIds, timings: { ...timings, generatedTokens: tokenIds.length }, text };
  } finally {
    runningAnswer = undefined;
  }
}

/** Waits until a slow reader has taken the text. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => process.stdout.write(text, (error) => (error ? reject(error) : resolve())));
}

function tell({ reason, timings, text }: Answer): void {
  const { promptTokens, promptMs, generatedTokens, generateMs } = timings;
  const speed = generatedTokens > 1 ? `, ${((1000 * (generatedTokens - 1)) / generateMs).toFixed(1)} tokens/s` : "";
  const endings = {
    eos: "",
    "stop-string": ", ended by a stop string",
    length: ", cut at --max-tokens",
    stopped: text === "" ? ", stopped: the message is forgotten" : ", stopped",
    memory: ", the GPU's memory is full",
    context: text === "" ? ", the message does not fit: the conversation is full" : ", the conversation is full",
  };
  const reading = `read ${promptTokens} tokens in ${(promptMs / 1000).toFixed(2)} s`;
  console.error(`[${reading}, wrote ${generatedTokens}${speed}${endings[reason]}]`);
}

function drawProgress(loadedBytes: number, totalBytes: number): void {
  if (!process.stderr.isTTY) return;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const end = loadedBytes === totalBytes ? "\n" : "";
  process.stderr.write(`\rweights ${megabytes(loadedBytes)} of ${megabytes(totalBytes)} MB${end}`);
}

/** Expected errors are one line. */
function fail(error: unknown): never {
  const expected = [CheckpointError, FeatureChoiceError, TokenizerError, UnsupportedGpuError];
  const isExpected = expected.some((kind) => error instanceof kind) || (error as Error).constructor === Error;
  console.error(isExpected ? (error as Error).message : error);
  process.exit(1);
}

function readOptions(): ChatOptions {
  try {
    return parseChatOptions(process.argv.slice(2));
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}

const options = readOptions();
if (options.help) {
  console.log(CHAT_USAGE);
} else {
  // A reader that went away, such as `head`, is no error.
  process.stdout.on("error", () => process.exit());
  await main(options).catch(fail);
}
process.exit();
