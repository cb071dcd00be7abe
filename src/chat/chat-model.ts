// Opens an exported model for chatting: manifest, weights, tokenizer and chat template from one folder.

import { CheckpointError } from "../checkpoint/checkpoint-error.ts";
import { hashHex } from "../checkpoint/hashed-file.ts";
import {
  type Manifest,
  MANIFEST_FILE,
  parseManifest,
  type RecallAtLength,
  type SamplingDefaults,
} from "../checkpoint/manifest.ts";
import { type ModelFiles, parseJson } from "../checkpoint/model-files.ts";
import { createShardSource } from "../checkpoint/shard-source.ts";
import type { GpuSession } from "../gpu/session.ts";
import { Model, type ModelOptions } from "../model/model.ts";
import { ChatTemplate } from "../text/chat-template.ts";
import { Tokenizer } from "../text/tokenizer.ts";

export interface ChatModel {
  readonly name: string;
  /** The same for the same weights: states of one model are of no use to another. */
  readonly id: string;
  readonly numParameters: number;
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly endTokenIds: readonly number[];
  /** Tokens of one conversation: what the model was trained to read. */
  readonly contextLength: number;
  readonly defaultSampling: SamplingDefaults;
  readonly recall: readonly RecallAtLength[];
}

export interface LoadOptions {
  readonly signal?: AbortSignal;
  /** Bytes of the weights that have arrived, of all. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
  /** Where it is to be loaded otherwise than for a chat. */
  readonly model?: Omit<ModelOptions, "signal">;
}

/** A conversation's length when the checkpoint does not say what it was trained to read. */
const UNKNOWN_CONTEXT_LENGTH = 4096;

/** Throws CheckpointError, and what reading throws. */
export async function readManifest(files: ModelFiles, signal?: AbortSignal): Promise<Manifest> {
  return parseManifest(await files.readJson(MANIFEST_FILE, signal));
}

/** Throws what the source, the tokenizer and the GPU throw; CheckpointError when the model has no tokenizer. */
export async function loadChatModel(
  session: GpuSession,
  manifest: Manifest,
  files: ModelFiles,
  { signal, onProgress, model: modelOptions }: LoadOptions = {},
): Promise<ChatModel> {
  const { config } = manifest;
  if (!manifest.tokenizer) {
    throw new CheckpointError(MANIFEST_FILE, "tokenizer", "expected one to chat with, got none");
  }
  const { file, configFile } = manifest.tokenizer;
  const [tokenizerJson, configJson] = await Promise.all([
    readTokenizerFile(manifest, files, file, signal),
    readTokenizerFile(manifest, files, configFile, signal),
  ]);
  const tokenizer = Tokenizer.parse(tokenizerJson, configJson);
  const template = ChatTemplate.parse(configJson, tokenizer);
  const source = createShardSource(manifest, files, { onProgress });
  const model = await Model.load(session, source, { kvFormat: "f16", ...modelOptions, ...(signal ? { signal } : {}) });
  return {
    name: manifest.name,
    id: await hashHex(new TextEncoder().encode(manifest.shards.map(({ sha256 }) => sha256).join())),
    numParameters: manifest.numParameters,
    model,
    tokenizer,
    template,
    endTokenIds: config.endTokenIds,
    contextLength: config.trainedContextLength ?? Math.min(UNKNOWN_CONTEXT_LENGTH, config.maxPositionEmbeddings),
    defaultSampling: manifest.sampling,
    recall: manifest.recall,
  };
}

/** Checked by its digest, where the manifest has it. */
async function readTokenizerFile(
  manifest: Manifest,
  files: ModelFiles,
  name: string,
  signal?: AbortSignal,
): Promise<unknown> {
  const known = manifest.files.find(({ file }) => file === name);
  return known ? parseJson(name, await files.read(known, { signal })) : files.readJson(name, signal);
}
