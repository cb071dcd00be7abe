// A model that a part uses, by its address: where its files come from, also when it is loaded again on another device.

import { type ChatModel, loadChatModel } from "../chat/chat-model.ts";
import { CheckpointError } from "../checkpoint/checkpoint-error.ts";
import type { Manifest } from "../checkpoint/manifest.ts";
import type { ModelFiles } from "../checkpoint/model-files.ts";
import { GpuSession } from "../gpu/session.ts";
import type { ModelOptions } from "../model/model.ts";
import { DownloadError } from "../store/download-error.ts";
import type { StorePorts } from "../store/weight-store.ts";
import { TokenizerError } from "../text/tokenizer-error.ts";
import { ModelDownload } from "./model-download.ts";
import type { ModelEvent } from "./messages-model.ts";

export interface UseOptions {
  readonly model?: Omit<ModelOptions, "signal">;
  /** Hears how the model comes, the first time that it is loaded. */
  readonly tell?: (event: ModelEvent) => void;
  /** Nothing is fetched before `agree()`. */
  readonly asksFirst?: boolean;
  /** In a session beside the host's, so that the ledger tells what this model takes. */
  readonly ownLedger?: boolean;
}

/** Where it is loaded. */
interface OnDevice {
  readonly signal: AbortSignal;
  /** Aborted when the device is lost. */
  readonly lost: AbortSignal;
  /** In place of the model's own. */
  readonly blockSize: number | undefined;
}

interface KnownFiles {
  readonly manifest: Manifest;
  readonly files: ModelFiles;
}

/** Use GpuHost.use. Uses of one address with the same model options share one model on the GPU. */
export class ModelUse {
  readonly key: string;
  readonly #modelUrl: string;
  readonly #options: UseOptions;
  readonly #ports: StorePorts;
  readonly #onClose: (use: ModelUse) => void;
  #download: ModelDownload | undefined;
  /** Another device gets the same version. */
  #known: Promise<KnownFiles> | undefined;
  #wasLoaded = false;

  constructor(modelUrl: string, options: UseOptions, ports: StorePorts, onClose: (use: ModelUse) => void) {
    this.key = JSON.stringify([modelUrl, options.model ?? {}, options.ownLedger ?? false]);
    this.#modelUrl = modelUrl;
    this.#options = options;
    this.#ports = ports;
    this.#onClose = onClose;
  }

  /** Of all weights; 0 until their size is known. */
  get downloadBytes(): number {
    return this.#download?.totalBytes ?? 0;
  }

  /** Has the weights fetched that `asksFirst` keeps back. */
  agree(): void {
    this.#download?.agree();
  }

  /** Ends a pause of the download before the next try. */
  tryNow(): void {
    this.#download?.tryNow();
  }

  /** For the host: loads it onto a device. Throws what the files, the model and the signals throw. */
  async load(session: GpuSession, { signal, lost, blockSize }: OnDevice): Promise<ChatModel> {
    try {
      // The next device finds the files that were asked for with the one before.
      this.#known ??= this.#begin(signal);
      const { manifest, files } = await this.#known;
      const own = this.#options.ownLedger ? GpuSession.beside(session) : session;
      const chat = await loadChatModel(own, manifest, files, {
        signal: AbortSignal.any([signal, lost]),
        onProgress: (loadedBytes) => {
          if (!this.#wasLoaded && !lost.aborted) this.#download?.advance(loadedBytes);
        },
        model: { ...this.#options.model, ...(blockSize === undefined ? {} : { blockSize }) },
      });
      if (!this.#wasLoaded) await this.#download?.finish();
      this.#wasLoaded = true;
      return chat;
    } catch (error) {
      if (signal.aborted || isFilesFault(error)) this.#forget();
      throw error;
    }
  }

  /** Gives the model up: the last use of one frees it. */
  close(): void {
    this.#forget();
    this.#onClose(this);
  }

  /** The next load begins with the manifest. */
  #forget(): void {
    this.#download?.close();
    this.#download = this.#known = undefined;
    this.#wasLoaded = false;
  }

  #begin(signal: AbortSignal): Promise<KnownFiles> {
    const { tell = () => {}, asksFirst = false } = this.#options;
    tell({ kind: "loading", phase: "manifest" });
    this.#download = new ModelDownload(tell, this.#ports, signal);
    return this.#download.begin(this.#modelUrl, asksFirst);
  }
}

function isFilesFault(error: unknown): boolean {
  return [CheckpointError, DownloadError, TokenizerError].some((kind) => error instanceof kind);
}
