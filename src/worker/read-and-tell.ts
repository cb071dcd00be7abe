// Reads an open document, tells the page what it takes as it goes, and has snapshots written on the way.

import type { ChatModel } from "../chat/chat-model.ts";
import { isMemoryError } from "../gpu/memory-budget.ts";
import { measureBytes, ReadingMeter } from "../document/reading.ts";
import { readingMs } from "../document/reading-plan.ts";
import type { DocumentKeeper } from "./document-keeper.ts";
import { excerptAt } from "./document-outline.ts";
import type { Gpu } from "./gpu-host.ts";
import type { WorkerEvent } from "./messages.ts";
import type { OpenDocument } from "./open-document.ts";

export interface ReadAndTellOptions {
  readonly post: (event: WorkerEvent) => void;
  readonly keeper: DocumentKeeper;
  readonly signal: AbortSignal;
  /** See Speed. */
  readonly growth: number;
}

/** A snapshot is written after so many tokens, or this share of the text, or this time. */
const SAVE_TOKENS = 8192;
const SAVES = 16;
const SAVE_MS = 30_000;

/** How a reading ended: full is for want of memory, with what was read before in the sequence. */
export type ReadingEnd = "whole" | "paused" | "full";

/** Reads as far as the text, the signal and the memory let it, and saves where it ends. */
export async function readAndTell(
  open: OpenDocument,
  gpu: Gpu,
  chat: ChatModel,
  { post, keeper, signal, growth }: ReadAndTellOptions,
): Promise<ReadingEnd> {
  const { ids } = open.text;
  await keeper.begin(open, chat);
  let savedMs = performance.now();
  let savedTokens = open.readTokens;
  let meter: ReadingMeter | undefined;
  const onSlab = async (): Promise<void> => {
    const numTokens = open.sequenceOn(gpu)?.position ?? 0;
    const isDue = numTokens - savedTokens >= Math.max(SAVE_TOKENS, ids.length / SAVES);
    const startedMs = performance.now();
    if (!isDue && startedMs - savedMs < SAVE_MS) return;
    await keeper.save(open, gpu);
    meter?.leaveOut(performance.now() - startedMs);
    // What is saved is not read again on another GPU.
    if (open.stored) gpu.progress();
    [savedMs, savedTokens] = [performance.now(), numTokens];
  };
  const [startTokens, startMs] = [savedTokens, savedMs];
  const onRead = (numTokens: number): void => {
    const sequence = open.sequenceOn(gpu);
    if (!sequence) return;
    // The first block of a run waits for what came before it: its time is not its own, but all that a short text has.
    if (!meter && numTokens === ids.length) meter = new ReadingMeter(startTokens, startMs);
    const reading = meter?.advance(numTokens, performance.now(), numTokens === ids.length);
    meter ??= new ReadingMeter(numTokens, performance.now());
    if (!reading) return;
    const { msPerToken, tokensPerSecond } = reading;
    const point = { numTokens, msPerToken, ...measureBytes(gpu.session, sequence) };
    open.record.add(point);
    post({
      kind: "documentReading",
      document: open.number,
      readTokens: numTokens,
      tokensPerSecond,
      leftMs: readingMs(growth, 1000 / tokensPerSecond, numTokens, numTokens, ids.length, open.keyWindow),
      point,
      excerpt: excerptAt(chat, ids, numTokens),
    });
  };
  let end: ReadingEnd;
  try {
    end = (await open.read(gpu, chat, { signal, onRead, onSlab })) ? "whole" : "paused";
  } catch (error) {
    if (!isMemoryError(error)) throw error;
    end = "full";
  }
  await keeper.save(open, gpu);
  return end;
}
