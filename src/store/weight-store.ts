// The one way to a model's files: from the browser's storage where they are kept whole, else over the network and then into
// the storage. Two tabs fetch a file once. For the first load, without a network, and after a lost GPU.

import { expectWhole, type HashedFile } from "../checkpoint/hashed-file.ts";
import { type Manifest, MANIFEST_FILE, parseManifest } from "../checkpoint/manifest.ts";
import { type ModelFiles, parseJson, type ReadOptions } from "../checkpoint/model-files.ts";
import { Downloader, type DownloadPorts } from "./download.ts";
import type { KeptFiles } from "./kept-files.ts";
import type { RetryListener } from "./retries.ts";

/** Where bytes come from; other-tab: another tab has the file in its hands, and this one waits for it. */
export type ByteOrigin = "storage" | "network" | "other-tab";

/** Whether files are there at the next visit; no-storage: the browser offers none here, as in some private windows. */
export type Keeping = "kept" | "no-storage" | "full" | "failed";

export interface StorePorts extends DownloadPorts {
  openKeptFiles(folder: string): Promise<KeptFiles | undefined>;
  /** undefined: nothing is kept, since tabs could not take turns. */
  readonly locks: Pick<LockManager, "request" | "query"> | undefined;
}

export interface StoreListener extends RetryListener {
  /** Told before the bytes come. */
  onOrigin(origin: ByteOrigin): void;
  /** Told when it changes; `kept` is where it begins. */
  onKeeping(keeping: Keeping): void;
}

export class WeightStore implements ModelFiles {
  readonly #folder: string;
  readonly #kept: KeptFiles | undefined;
  readonly #downloader: Downloader;
  readonly #locks: StorePorts["locks"];
  readonly #listener: StoreListener;
  #keeping: Keeping = "kept";
  /** As it came over the network. */
  #manifestJson: unknown;
  #leave: () => void = () => {};

  private constructor(
    modelUrl: string,
    folder: string,
    kept: KeptFiles | undefined,
    ports: StorePorts,
    listener: StoreListener,
  ) {
    this.#folder = folder;
    this.#kept = kept;
    this.#downloader = new Downloader(modelUrl, ports, listener);
    this.#locks = ports.locks;
    this.#listener = listener;
  }

  /** @param modelUrl ends in a slash; its path is where the files are kept */
  static async open(modelUrl: string, ports: StorePorts, listener: StoreListener): Promise<WeightStore> {
    const folder = encodeURIComponent(new URL(modelUrl).pathname);
    const kept = ports.locks && (await ports.openKeptFiles(folder));
    const store = new WeightStore(modelUrl, folder, kept, ports, listener);
    if (kept) store.#enter();
    else store.#setKeeping("no-storage");
    return store;
  }

  get keeping(): Keeping {
    return this.#keeping;
  }

  /** Ends a pause before the next try. */
  tryNow(): void {
    this.#downloader.tryNow();
  }

  /** No longer uses the model's files. */
  close(): void {
    this.#leave();
  }

  async read(file: HashedFile, options: ReadOptions = {}): Promise<Uint8Array> {
    const kept = this.#kept;
    if (!kept) return this.#download(file, options);
    return this.#takeTurn(file, options.signal, async () => {
      const bytes = await this.#readKept(kept, file);
      if (!bytes) {
        const fetched = await this.#download(file, options);
        await this.#keep(kept, file.sha256, fetched);
        return fetched;
      }
      this.#listener.onOrigin("storage");
      options.onBytes?.(bytes.length);
      return bytes;
    });
  }

  /** The manifest comes from the storage where the network has none that can be used; other files are not kept. */
  async readJson(name: string, signal?: AbortSignal): Promise<unknown> {
    if (name !== MANIFEST_FILE) return this.#downloader.json(name, { signal });
    const kept = await this.#readKeptManifest();
    try {
      const json = await this.#downloader.json(name, { signal, isQuick: kept !== undefined });
      parseManifest(json);
      this.#manifestJson = json;
      return json;
    } catch (error) {
      signal?.throwIfAborted();
      if (kept === undefined) throw error;
      return kept;
    }
  }

  /** Bytes of the shards that need not be downloaded, unless they turn out to be damaged. */
  async keptBytes({ shards }: Manifest): Promise<number> {
    const names = new Set(await this.#try(async () => this.#kept?.names()));
    return shards.reduce((sum, { sha256, sizeBytes }) => sum + (names.has(sha256) ? sizeBytes : 0), 0);
  }

  /** To be called when all files of the manifest were read: it becomes the version that is there without a network, and
   * what it does not name is deleted. */
  async keepVersion(manifest: Manifest): Promise<void> {
    const kept = this.#kept;
    if (!kept || this.#keeping !== "kept") return;
    await this.#try(async () => {
      const needed = new Set([MANIFEST_FILE, ...[...manifest.shards, ...manifest.files].map(({ sha256 }) => sha256)]);
      const names = await kept.names();
      const isWhole = [...needed].every((name) => name === MANIFEST_FILE || names.includes(name));
      if (!isWhole) return;
      if (this.#manifestJson !== undefined) {
        await kept.write(MANIFEST_FILE, new TextEncoder().encode(JSON.stringify(this.#manifestJson)));
      }
      // A tab that has loaded an older version needs its files again when its GPU is lost.
      if (await this.#isUsedElsewhere()) return;
      for (const name of names) {
        // What is written at this moment cannot be deleted; the next load tries again.
        if (!needed.has(name)) await kept.delete(name).catch(() => undefined);
      }
    });
  }

  async #download(file: HashedFile, options: ReadOptions): Promise<Uint8Array> {
    this.#listener.onOrigin("network");
    // What is kept here need not lie in the browser's own cache as well.
    return this.#downloader.file(file, { ...options, cache: this.#keeping === "kept" ? "no-store" : "default" });
  }

  /** What is damaged is deleted. */
  async #readKept(kept: KeptFiles, file: HashedFile): Promise<Uint8Array | undefined> {
    try {
      const bytes = await kept.read(file.sha256);
      if (bytes) await expectWhole(file, bytes);
      return bytes;
    } catch {
      await this.#try(() => kept.delete(file.sha256));
      return undefined;
    }
  }

  /** undefined: there is none, or it is of no use. */
  async #readKeptManifest(): Promise<unknown> {
    try {
      const bytes = await this.#kept?.read(MANIFEST_FILE);
      if (!bytes) return undefined;
      const json = parseJson(MANIFEST_FILE, bytes);
      parseManifest(json);
      return json;
    } catch {
      return undefined;
    }
  }

  async #keep(kept: KeptFiles, name: string, bytes: Uint8Array): Promise<void> {
    if (this.#keeping === "kept") await this.#try(() => kept.write(name, bytes));
  }

  /** When the storage fails nothing more is kept, and all else goes on. */
  async #try<Result>(use: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await use();
    } catch (error) {
      this.#setKeeping(error instanceof Error && error.name === "QuotaExceededError" ? "full" : "failed");
      return undefined;
    }
  }

  #setKeeping(keeping: Keeping): void {
    this.#keeping = keeping;
    this.#listener.onKeeping(keeping);
  }

  /** One tab after another, for each file. */
  async #takeTurn<Result>(
    { sha256 }: HashedFile,
    signal: AbortSignal | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted();
    const locks = this.#locks!;
    const name = `weights ${this.#folder} ${sha256}`;
    const done = await locks.request(name, { ifAvailable: true }, async (lock) => lock && { result: await work() });
    if (done) return done.result;
    this.#listener.onOrigin("other-tab");
    return locks.request(name, signal ? { signal } : {}, work);
  }

  get #useName(): string {
    return `use of weights ${this.#folder}`;
  }

  #enter(): void {
    const left = new Promise<void>((resolve) => (this.#leave = resolve));
    this.#locks!.request(this.#useName, { mode: "shared" }, () => left).catch(() => this.#setKeeping("failed"));
  }

  async #isUsedElsewhere(): Promise<boolean> {
    const { held = [] } = await this.#locks!.query();
    return held.filter(({ name }) => name === this.#useName).length > 1;
  }
}
