// wllama (llama.cpp in WebAssembly) on the file of gguf-model.ts. Its WebGPU back end wants shader-f16 and is left out
// without a word where the adapter has none; then, and that is what is told, it runs on the CPU.

import { FILES_PATH, GGUF_FILE, type LoadPeer, PACKAGES_PATH, readVersion } from "./peer.ts";

const PACKAGE = "@wllama/wllama";
const CONTEXT_LENGTH = 4096;

/** What is used of the library's types; the package is no dependency of this project. */
interface CompletionChunk {
  readonly choices: readonly { readonly text: string }[];
}
interface WllamaInstance {
  setCompat(compat: null): void;
  loadModel(files: readonly Blob[], options: object): Promise<void>;
  getNumThreads(): number;
  createCompletion(options: object): Promise<void>;
}
interface WllamaModule {
  readonly Wllama: new (
    paths: Readonly<Record<string, string>>,
    config: { readonly suppressNativeLog: boolean },
  ) => WllamaInstance;
}

export const loadPeer: LoadPeer = async () => {
  const folder = `${PACKAGES_PATH}${PACKAGE}/esm/`;
  const { Wllama } = (await import(/* @vite-ignore */ `${folder}index.js`)) as WllamaModule;
  const wllama = new Wllama({ default: `${folder}wasm/wllama.wasm` }, { suppressNativeLog: true });
  // No build for other browsers from the library's server.
  wllama.setCompat(null);
  const adapter = await navigator.gpu.requestAdapter();
  const isOnGpu = adapter?.features.has("shader-f16") ?? false;
  const file = await (await fetch(FILES_PATH + GGUF_FILE)).blob();
  await wllama.loadModel([file], { n_ctx: CONTEXT_LENGTH, n_parallel: 1, n_gpu_layers: isOnGpu ? 99_999 : 0 });
  const backEnd = isOnGpu ? "WebGPU" : `CPU, threads: ${wllama.getNumThreads()}`;
  return {
    description: `wllama ${await readVersion(PACKAGE)}, ${backEnd}`,
    run: async ({ text }, numTokens, onRead) => {
      const start = performance.now();
      let firstAt: number | undefined;
      let answer = "";
      await wllama.createCompletion({
        prompt: text,
        max_tokens: numTokens + 1,
        temperature: 0,
        ignore_eos: true,
        cache_prompt: false,
        stream: true,
        onData: ({ choices }: CompletionChunk) => {
          // It goes on meanwhile: it cannot be made to wait.
          if (firstAt === undefined) void onRead();
          firstAt ??= performance.now();
          answer += choices[0]?.text ?? "";
        },
      });
      if (firstAt === undefined) throw new Error("wllama: expected an answer, got none");
      return { readMs: firstAt - start, writeMs: performance.now() - firstAt, answer };
    },
  };
};
