// Relampago beside other engines for the browser: the same weights, the same prompts, the same GPU (or software adapter), each
// in a Chromium of its own, one after the other: what one does between its runs would slow the next one's.
//
//   npm install --prefix /tmp/peers --ignore-scripts onnxruntime-web @wllama/wllama
//   node --import tsx scripts/bench/peers/main.ts --packages /tmp/peers/node_modules
//
// The packages are no dependencies of this project. The model is converted to ONNX and to GGUF in a temporary folder; in
// each round an engine reads each prompt and writes some tokens greedily. The first round is not counted. Printed are
// medians: tokens/s; processor milliseconds a token, which on a software adapter tell the work done, whatever else the
// machine does; calls to WebGPU a token; and how far each answer agrees with the first engine's.
//
//   --model <folder>    an exported model in q4 (public/models/relampago-71m)
//   --peers <list>      relampago,onnxruntime,onnxruntime-llama,onnxruntime-cpu,wllama
//   --lengths <list>    of the prompts, in tokens (16,128,1024)
//   --tokens <n>        to write after each (32)
//   --rounds <n>        that count (5)
//   --accuracy <0|4>    ONNX: 4 lets products round activations to 8 bits (0)
//   --out <file>        every run, as JSON

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Browser } from "playwright-core";
import { readManifest } from "../../../src/chat/chat-model.ts";
import { createShardSource } from "../../../src/checkpoint/shard-source.ts";
import { Tokenizer } from "../../../src/text/tokenizer.ts";
import { openModelFolder } from "../../node/files.ts";
import { launchChromium } from "../../node/launch-chromium.ts";
import { createGgufModel, type TokenizerJson } from "./gguf-model.ts";
import { OpenPeer } from "./measure-peer.ts";
import type { AccuracyLevel } from "./onnx-builder.ts";
import { createLlamaOnnx, llamaConfig } from "./onnx-llama.ts";
import { createRelampagoOnnx } from "./onnx-relampago.ts";
import { GGUF_FILE, LLAMA_FILE, ONNX_FILE, PEER_NAMES, type PeerName } from "./peer.ts";
import { type PeerServer, servePeers } from "./peer-server.ts";
import { createPrompt } from "./prompt.ts";
import { formatReport, type Result } from "./report.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      packages: { type: "string", default: "node_modules" },
      model: { type: "string", default: "public/models/relampago-71m" },
      peers: { type: "string", default: PEER_NAMES.join(",") },
      lengths: { type: "string", default: "16,128,1024" },
      tokens: { type: "string", default: "32" },
      rounds: { type: "string", default: "5" },
      accuracy: { type: "string", default: "0" },
      out: { type: "string" },
    },
  });
  const names = parsePeers(values.peers);
  const lengths = values.lengths.split(",").map((length) => parseCount("--lengths", length));
  const numTokens = parseCount("--tokens", values.tokens);
  const numRounds = parseCount("--rounds", values.rounds);
  const accuracyLevel = parseAccuracy(values.accuracy);
  const folder = resolve(values.model);
  const tokenizerJson = await readJson(join(folder, "tokenizer.json"));
  const tokenizer = Tokenizer.parse(tokenizerJson, await readJson(join(folder, "tokenizer_config.json")));
  const prompts = lengths.map((length) => createPrompt(tokenizer, length));

  const converted = await mkdtemp(join(tmpdir(), "relampago-peers-"));
  let server: PeerServer | undefined;
  try {
    await convertModel(folder, converted, names, accuracyLevel, tokenizerJson as TokenizerJson);
    server = await servePeers(resolve(values.packages), converted, folder);
    const peers: Pick<OpenPeer, "name" | "description">[] = [];
    const results: Result[] = [];
    for (const name of names) {
      const browser = await launchChromium({ adapter: "gpu" });
      try {
        const peer = await openPeer(browser, name, server.pageUrl);
        if (!peer) continue;
        peers.push({ name, description: peer.description });
        for (let round = 0; round <= numRounds; round++) {
          for (const prompt of prompts) {
            const run = await peer.run(prompt, numTokens);
            const answer =
              typeof run.answer === "string" ? run.answer : tokenizer.decode(run.answer, { skipSpecial: false });
            const result = { peer: name, promptTokens: prompt.ids.length, numTokens, ...run, answer };
            console.log(`${round === 0 ? "warm-up" : `round ${round}`} ${describeResult(result)}`);
            if (round > 0) results.push(result);
          }
          if (values.out) await writeFile(values.out, JSON.stringify({ peers, results }, null, 1) + "\n");
        }
      } finally {
        await browser.close();
      }
    }
    console.log(`\n${formatReport(peers, results)}`);
  } finally {
    await server?.close();
    await rm(converted, { recursive: true, force: true });
  }
}

/** Writes the files that the engines want into the folder `converted`. */
async function convertModel(
  folder: string,
  converted: string,
  names: readonly PeerName[],
  accuracyLevel: AccuracyLevel,
  tokenizer: TokenizerJson,
): Promise<void> {
  const files = openModelFolder(folder);
  const source = createShardSource(await readManifest(files), files);
  if (names.includes("onnxruntime") || names.includes("onnxruntime-cpu")) {
    await writeFile(join(converted, ONNX_FILE), await createRelampagoOnnx(source, accuracyLevel));
  }
  if (names.includes("onnxruntime-llama")) {
    await writeFile(join(converted, LLAMA_FILE), createLlamaOnnx(llamaConfig(source.config), accuracyLevel));
  }
  if (names.includes("wllama")) await writeFile(join(converted, GGUF_FILE), await createGgufModel(source, tokenizer));
}

/** Undefined when it does not load; why not is printed. */
async function openPeer(browser: Browser, name: PeerName, pageUrl: string): Promise<OpenPeer | undefined> {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  try {
    const peer = await OpenPeer.open(name, page, pageUrl, await browser.newBrowserCDPSession());
    console.log(`${name}: ${peer.description}, Chromium ${browser.version()}`);
    return peer;
  } catch (error) {
    console.log(`${name}: cannot be run: ${(error as Error).message}`);
    return undefined;
  }
}

function describeResult({ peer, promptTokens, numTokens, read, write }: Result): string {
  const rate = (count: number, ms: number) => `${((1000 * count) / ms).toFixed(1)} tokens/s`;
  const head = `${peer.padEnd(17)} ${String(promptTokens).padStart(5)}`;
  return `${head}  read ${rate(promptTokens, read.ms)}, write ${rate(numTokens, write.ms)}`;
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}

function parsePeers(list: string): PeerName[] {
  return list.split(",").map((name) => {
    const known = PEER_NAMES.find((candidate) => candidate === name);
    if (!known) throw new TypeError(`--peers: expected some of ${PEER_NAMES.join(", ")}, got ${name}`);
    return known;
  });
}

function parseAccuracy(text: string): AccuracyLevel {
  if (text !== "0" && text !== "4") throw new TypeError(`--accuracy: expected 0 or 4, got ${text}`);
  return text === "4" ? 4 : 0;
}

function parseCount(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new TypeError(`${option}: expected a whole number, got ${text}`);
  return count;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(error instanceof TypeError ? error.message : error);
  process.exit(1);
}
