// What an engine in a page does for the comparison. Runs in the browser; the command calls it through Playwright.

/** Where the comparison's server has the packages, the converted model files and Relampago's own model. */
export const PACKAGES_PATH = "/peer-packages/";
export const FILES_PATH = "/peer-files/";
export const MODEL_PATH = "/peer-model/";
export const ONNX_FILE = "relampago.onnx";
export const LLAMA_FILE = "llama.onnx";
export const GGUF_FILE = "relampago.gguf";

export const PEER_NAMES = ["relampago", "onnxruntime", "onnxruntime-llama", "onnxruntime-cpu", "wllama"] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** The same prompt twice: an engine takes the one or the other. */
export interface Prompt {
  readonly ids: readonly number[];
  readonly text: string;
}

export interface PeerRun {
  /** Until the first token is drawn. */
  readonly readMs: number;
  /** From then on, until the last one is. */
  readonly writeMs: number;
  /** What was drawn: `numTokens` + 1 token ids, or their text. */
  readonly answer: readonly number[] | string;
}

export interface Peer {
  /** Its name, version and back end. */
  readonly description: string;
  /** Reads the prompt from an empty state, draws a token greedily, waits for `onRead`, and draws `numTokens` more. */
  run(prompt: Prompt, numTokens: number, onRead: () => Promise<void>): Promise<PeerRun>;
}

/** The modules beside this one that run the engines in a page; each exports `loadPeer`. */
export const PEER_MODULES: Readonly<Record<PeerName, string>> = {
  relampago: "relampago-peer.ts",
  onnxruntime: "onnxruntime-peer.ts",
  "onnxruntime-llama": "onnxruntime-peer.ts",
  "onnxruntime-cpu": "onnxruntime-peer.ts",
  wllama: "wllama-peer.ts",
};

/** Throws what the engine throws when it cannot run. */
export type LoadPeer = (name: PeerName) => Promise<Peer>;

/** The version that the installed package tells. */
export async function readVersion(packageName: string): Promise<string> {
  const response = await fetch(`${PACKAGES_PATH}${packageName}/package.json`);
  if (!response.ok) throw new Error(`${packageName}: expected it among the packages, got status ${response.status}`);
  return ((await response.json()) as { readonly version: string }).version;
}

/** The largest number's index, the first of several. */
export function indexOfLargest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
