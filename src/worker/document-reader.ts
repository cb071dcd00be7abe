// Has the open document read in jobs: begun, paused, gone on with, ended early, begun anew. Memory that is full is a pause.

import type { KeyWindow } from "../kernels/key-window.ts";
import type { DocumentDesk } from "./document-desk.ts";
import type { DocumentKeeper } from "./document-keeper.ts";
import type { OpenDocument } from "./open-document.ts";
import { readAndTell } from "./read-and-tell.ts";
import type { SpeedGauge } from "./speed-gauge.ts";

export class DocumentReader {
  readonly #desk: DocumentDesk;
  readonly #keeper: DocumentKeeper;
  readonly #gauge: SpeedGauge;
  /** Reads, or waits to read. */
  #job: number | undefined;

  constructor(desk: DocumentDesk, keeper: DocumentKeeper, gauge: SpeedGauge) {
    this.#desk = desk;
    this.#keeper = keeper;
    this.#gauge = gauge;
  }

  /** Reads on; `keyWindow` is heard at the beginning. */
  read(open: OpenDocument, keyWindow: KeyWindow | null): void {
    if (this.#job !== undefined) return;
    if (open.readTokens === 0) open.keyWindow = keyWindow;
    this.#add(open);
  }

  /** Forgets what was read, and reads from the beginning. A document that is kept stays in storage as it is. */
  readAnew(open: OpenDocument, keyWindow: KeyWindow | null): void {
    if (this.#job !== undefined) return;
    this.#add(open, async () => {
      open.free(this.#desk.host.gpu);
      await this.#keeper.letGo(open);
      open.startOver(keyWindow);
      this.#desk.post({ kind: "documentBegunAnew", document: open.number, keyWindow });
    });
  }

  /** Ends the job, as soon as a block is done. */
  pause(): void {
    if (this.#job !== undefined) this.#desk.queue.cancel(this.#job);
  }

  /** Makes what was read until now the whole document. */
  end(open: OpenDocument): void {
    if (this.#job !== undefined || open.readTokens === 0) return;
    open.end();
    void this.#keeper.end(open);
    this.#desk.post({ kind: "documentRead", document: open.number, readTokens: open.readTokens });
  }

  #add(open: OpenDocument, prepare?: () => Promise<void>): void {
    const { host, queue, post, subject, fail } = this.#desk;
    const { number: document } = open;
    const pause = (isFull = false) => {
      this.#job = undefined;
      post({ kind: "documentPaused", document, readTokens: open.readTokens, isFull });
    };
    this.#job = queue.add({
      part: "document",
      title: `Reading “${open.text.name}”`,
      skip: () => pause(),
      run: async (signal) => {
        const use = subject();
        if (!use) return pause();
        try {
          await prepare?.();
          const end = await host.run(async (gpu) => {
            const chat = await gpu.open(use, signal);
            const growth = this.#gauge.growthOn(gpu, chat);
            return readAndTell(open, gpu, chat, { post, keeper: this.#keeper, signal, growth });
          }, signal);
          if (end !== "whole") return pause(end === "full");
          this.#job = undefined;
          post({ kind: "documentRead", document, readTokens: open.readTokens });
        } catch (error) {
          // Paused before there was a GPU to read with.
          if (signal.aborted) return pause();
          this.#job = undefined;
          fail(open, error);
        }
      },
    });
  }
}
