// From a WGSL file to a dispatch: compile with constants, bind tensors, count workgroups. All plain objects.

import { enableLines, type Feature } from "./features.ts";
import type { GpuSession } from "./session.ts";
import type { Tensor } from "./tensor.ts";

export type BindingAccess = "uniform" | "read" | "read_write";

/** What the host must know of a shader file: `shaders/<name>.wgsl` with entry point `<name>`. */
export interface KernelSource {
  readonly name: string;
  /** Files of `shaders/` appended after the kernel's text, e.g. `common/reduce`. A second copy of a weight format is for
   * another matrix: in `common/weight_q4 as out` every `weight…` is an `out_weight…`. */
  readonly appends: readonly string[];
  /** Access of binding 0, 1, 2, … of group 0. */
  readonly bindings: readonly BindingAccess[];
}

export interface Kernel {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroupLayout: GPUBindGroupLayout;
}

/** Workgroups in x, y, z. */
export type Grid = readonly [number, number, number];

/** A prepared kernel call: everything but the number of tokens is fixed when it is made. */
export interface Dispatch {
  /** e.g. `layer 3 lightning_output`. */
  readonly label: string;
  readonly kernel: Kernel;
  readonly bindGroup: GPUBindGroup;
  /** Workgroups for a block of that many tokens (1 in decode). */
  readonly workgroups: (numTokens: number) => Grid;
  /** Bytes of weights that it reads: all that it binds, unless its wrapper knows better. Of an embedding table one row. */
  readonly weightBytes: number;
}

/** A shader did not compile; `cause` is the compiler's text. */
export class KernelError extends Error {
  override readonly name = "KernelError";
}

const BUFFER_TYPES: Record<BindingAccess, GPUBufferBindingType> = {
  uniform: "uniform",
  read: "read-only-storage",
  read_write: "storage",
};

/** Compiles a kernel once per session, file list and constants; throws KernelError with the compiler's text. */
export function compileKernel(
  session: GpuSession,
  source: KernelSource,
  constants: Readonly<Record<string, number>>,
): Promise<Kernel> {
  const key = JSON.stringify([source.name, source.appends, constants]);
  let kernel = session.kernels.get(key);
  if (!kernel) {
    kernel = compile(session, source, constants);
    session.kernels.set(key, kernel);
  }
  return kernel;
}

async function compile(
  session: GpuSession,
  { name, appends, bindings }: KernelSource,
  constants: Readonly<Record<string, number>>,
): Promise<Kernel> {
  const { device } = session;
  const files = [name, ...appends].map((path) => findVariant(session, path));
  const code =
    enableLines(new Set(files.flatMap(({ feature }) => feature ?? []))) + files.map(({ text }) => text).join("\n");
  const bindGroupLayout = device.createBindGroupLayout({
    label: name,
    entries: bindings.map((access, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: BUFFER_TYPES[access] },
    })),
  });
  const module = device.createShaderModule({ label: name, code });
  try {
    const pipeline = await device.createComputePipelineAsync({
      label: name,
      layout: device.createPipelineLayout({ label: name, bindGroupLayouts: [bindGroupLayout] }),
      compute: { module, entryPoint: name, constants: { ...constants } },
    });
    session.counters.pipelinesCreated += 1;
    return { name, pipeline, bindGroupLayout };
  } catch (cause) {
    const { messages } = await module.getCompilationInfo();
    const text = messages.map((message) => `${message.lineNum}:${message.linePos} ${message.message}`).join("\n");
    const firstLine = text || (cause instanceof Error ? cause.message : String(cause));
    throw new KernelError(`shaders/${name}.wgsl: expected it to compile, got: ${firstLine}`, { cause });
  }
}

/** A shader file in the variant for a feature of the session, `<path>.<feature>.wgsl`, if there is one, or the plain file. */
function findVariant(session: GpuSession, append: string): { text: string; feature?: Feature } {
  const [path, prefix] = append.split(" as ") as [string, string?];
  const file = findFile(session, path);
  return prefix === undefined ? file : { ...file, text: withPrefix(file.text, prefix) };
}

function withPrefix(text: string, prefix: string): string {
  const capitalised = prefix[0]!.toUpperCase() + prefix.slice(1);
  return text
    .replace(/\bweight/g, `${prefix}_weight`)
    .replace(/\bWEIGHT/g, `${prefix.toUpperCase()}_WEIGHT`)
    .replace(/\bWeight/g, `${capitalised}Weight`);
}

function findFile({ shaders, features }: GpuSession, path: string): { text: string; feature?: Feature } {
  for (const feature of features) {
    const text = shaders.get(`${path}.${feature}`);
    if (text !== undefined) return { text, feature };
  }
  const text = shaders.get(path);
  if (text === undefined) throw new KernelError(`shaders/${path}.wgsl: expected the file, got nothing`);
  return { text };
}

/** Binds tensors in binding order. A dispatch belongs to its tensors: make it once and use it for every token.
 * @param unreadWeightBytes of the weights that it binds, e.g. experts that the router did not choose */
export function createDispatch(
  session: GpuSession,
  kernel: Kernel,
  label: string,
  tensors: readonly Tensor[],
  workgroups: (numTokens: number) => Grid,
  unreadWeightBytes = 0,
): Dispatch {
  const bindGroup = session.device.createBindGroup({
    label,
    layout: kernel.bindGroupLayout,
    entries: tensors.map(({ buffer, offsetBytes, sizeBytes }, binding) => ({
      binding,
      resource: { buffer, offset: offsetBytes, size: Math.ceil(sizeBytes / 4) * 4 },
    })),
  });
  session.counters.bindGroupsCreated += 1;
  const boundWeightBytes = tensors.reduce((sum, { buffer, sizeBytes }) => {
    return session.kindOf(buffer) === "weights" ? sum + sizeBytes : sum;
  }, 0);
  return { label, kernel, bindGroup, workgroups, weightBytes: boundWeightBytes - unreadWeightBytes };
}
