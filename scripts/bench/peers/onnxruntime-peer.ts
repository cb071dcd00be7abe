// onnxruntime-web on the files of onnx-relampago.ts and onnx-llama.ts, driven as Transformers.js drives it: states stay
// where the back end has them from step to step, the logits come back each time, and the token is chosen on the CPU.

import type { ModelConfig } from "../../../src/checkpoint/model-config.ts";
import { slope } from "../../../src/reference/model.ts";
import { llamaConfig } from "./onnx-llama.ts";
import {
  FILES_PATH,
  indexOfLargest,
  LLAMA_FILE,
  type LoadPeer,
  ONNX_FILE,
  PACKAGES_PATH,
  readVersion,
} from "./peer.ts";
import { readServedManifest } from "./served-model.ts";

const PACKAGE = "onnxruntime-web";

/** What is used of the library's types; the package is no dependency of this project. */
interface OrtTensor {
  readonly data: Float32Array;
  dispose(): void;
}
interface OrtSession {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Record<string, OrtTensor>>;
}
interface Ort {
  readonly env: { readonly wasm: { wasmPaths: string }; readonly webgpu: { readonly device: Promise<GPUDevice> } };
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<OrtSession> };
  readonly Tensor: {
    new (type: string, values: ArrayBufferView, dims: readonly number[]): OrtTensor;
    fromGpuBuffer(buffer: GPUBuffer, options: { dataType: string; dims: readonly number[] }): OrtTensor;
  };
}

export const loadPeer: LoadPeer = async (name) => {
  const isOnCpu = name === "onnxruntime-cpu";
  const folder = `${PACKAGES_PATH}${PACKAGE}/dist/`;
  const ort = (await import(
    /* @vite-ignore */ `${folder}${isOnCpu ? "ort.wasm" : "ort.webgpu"}.bundle.min.mjs`
  )) as Ort;
  ort.env.wasm.wasmPaths = folder;
  const isLlama = name === "onnxruntime-llama";
  const { config: ownConfig } = await readServedManifest();
  const config = isLlama ? llamaConfig(ownConfig) : ownConfig;
  const file = await fetch(FILES_PATH + (isLlama ? LLAMA_FILE : ONNX_FILE));
  const model = new Uint8Array(await file.arrayBuffer());
  const onGpu = config.layerTypes.flatMap((type, layer) =>
    (type === "linear_attention" ? ["state"] : ["key", "value"]).map((kind) => `new_${kind}.${layer}`),
  );
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [isOnCpu ? "wasm" : "webgpu"],
    ...(isOnCpu
      ? {}
      : {
          preferredOutputLocation: { logits: "cpu", ...Object.fromEntries(onGpu.map((name) => [name, "gpu-buffer"])) },
        }),
  });
  const text = new Text(ort, session, config, isOnCpu ? undefined : await ort.env.webgpu.device);
  return {
    description: `onnxruntime-web ${await readVersion(PACKAGE)}, ${isOnCpu ? "CPU" : "WebGPU"}${isLlama ? ", Llama of the same size" : ""}`,
    run: async ({ ids }, numTokens, onRead) => {
      text.clear();
      const start = performance.now();
      let token = await text.read(ids);
      const readMs = performance.now() - start;
      await onRead();
      const answer = [token];
      const writeStart = performance.now();
      for (let step = 0; step < numTokens; step++) {
        token = await text.read([token]);
        answer.push(token);
      }
      return { readMs, writeMs: performance.now() - writeStart, answer };
    },
  };
};

/** One text in the model's states. */
class Text {
  readonly #ort: Ort;
  readonly #session: OrtSession;
  readonly #config: ModelConfig;
  /** undefined: on the CPU. */
  readonly #device: GPUDevice | undefined;
  /** By number of tokens: they are constant, so they are made once. */
  readonly #decays = new Map<number, Record<string, OrtTensor>>();
  #states: Record<string, OrtTensor> = {};
  #length = 0;

  constructor(ort: Ort, session: OrtSession, config: ModelConfig, device: GPUDevice | undefined) {
    this.#ort = ort;
    this.#session = session;
    this.#config = config;
    this.#device = device;
  }

  clear(): void {
    const { numHeads, numKvHeads, headDim } = this.#config;
    for (const tensor of Object.values(this.#states)) tensor.dispose();
    this.#states = {};
    this.#length = 0;
    this.#eachLayer((layer, isLightning) => {
      if (isLightning) {
        const zeros = new Float32Array(numHeads * headDim * headDim);
        this.#states[`state.${layer}`] = this.#createTensor(zeros, [1, numHeads, headDim, headDim]);
      } else {
        for (const kind of ["key", "value"]) {
          const dims = [1, numKvHeads, 0, headDim];
          this.#states[`${kind}.${layer}`] = new this.#ort.Tensor("float32", new Float32Array(0), dims);
        }
      }
    });
  }

  /** The likeliest token after these. */
  async read(ids: readonly number[]): Promise<number> {
    const { Tensor } = this.#ort;
    this.#length += ids.length;
    const outputs = await this.#session.run({
      ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
      seqlens_k: new Tensor("int32", Int32Array.of(this.#length - 1), [1]),
      total_length: new Tensor("int32", Int32Array.of(this.#length), []),
      ...this.#decaysFor(ids.length),
      ...this.#states,
    });
    for (const tensor of Object.values(this.#states)) tensor.dispose();
    const { logits, ...states } = outputs;
    this.#states = Object.fromEntries(
      Object.entries(states).map(([name, tensor]) => [name.slice("new_".length), tensor]),
    );
    return indexOfLargest(logits!.data);
  }

  #decaysFor(numTokens: number): Record<string, OrtTensor> {
    const known = this.#decays.get(numTokens);
    if (known) return known;
    const { numHeads, numLayers } = this.#config;
    const decays: Record<string, OrtTensor> = {};
    this.#eachLayer((layer, isLightning) => {
      if (!isLightning) return;
      const values = Float32Array.from({ length: numTokens * numHeads }, (_, i) => {
        return -slope(i % numHeads, layer, numHeads, numLayers);
      });
      decays[`decay.${layer}`] = this.#createTensor(values, [1, numTokens, numHeads]);
    });
    this.#decays.set(numTokens, decays);
    return decays;
  }

  #createTensor(values: Float32Array<ArrayBuffer>, dims: readonly number[]): OrtTensor {
    if (!this.#device) return new this.#ort.Tensor("float32", values, dims);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    // The library binds multiples of 16 bytes.
    const buffer = this.#device.createBuffer({ size: Math.ceil(values.byteLength / 16) * 16, usage });
    this.#device.queue.writeBuffer(buffer, 0, values);
    return this.#ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims });
  }

  #eachLayer(call: (layer: number, isLightning: boolean) => void): void {
    for (const [layer, type] of this.#config.layerTypes.entries()) call(layer, type === "linear_attention");
  }
}
