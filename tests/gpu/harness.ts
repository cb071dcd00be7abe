// What the parity tests share: one session per test file, seeded inputs, upload, run, read back, compare.

import { afterAll, beforeAll, expect } from "vitest";
import { readShaders } from "../../scripts/node/shaders.ts";
import { GROUP_SIZE, rowStrideBytes, type WeightFormat } from "../../src/checkpoint/weight-source.ts";
import { decodeRows, encodeRows } from "../../src/checkpoint/quantize.ts";
import type { Dispatch } from "../../src/gpu/kernel.ts";
import { parseFeatureChoice } from "../../src/gpu/features.ts";
import { GpuSession, type SessionOptions } from "../../src/gpu/session.ts";
import { submitDispatches } from "../../src/gpu/submit.ts";
import type { Tensor, WeightMatrix } from "../../src/gpu/tensor.ts";
import { type Call, createCallUniform, GREEDY, writeCall } from "../../src/kernels/call.ts";
import { createStep, writeStep } from "../../src/kernels/step.ts";
import { openSharedGpu } from "./shared-gpu.ts";

let session: GpuSession | undefined;

/** Opens a session before the file's tests, with the kernel variants that RELAMPAGO_FEATURES names, and closes it after; a GPU error that no test caught fails the file. */
export function useSession(options: Partial<SessionOptions> = {}): () => GpuSession {
  const errors: string[] = [];
  beforeAll(async () => {
    const gpu = await openSharedGpu();
    const features = parseFeatureChoice(process.env.RELAMPAGO_FEATURES ?? "default");
    session = await GpuSession.open(gpu, { shaders: readShaders(), features, ...options });
    session.device.onuncapturederror = (event) => errors.push(event.error.message);
  });
  afterAll(() => {
    session?.close();
    expect(errors).toEqual([]);
  });
  return () => session!;
}

/** A seeded generator of numbers in [-1, 1), rounded to f32 so that kernel and reference see the same. */
export { createRandom } from "../../src/bench/made-up-source.ts";

export function randomArray(random: () => number, length: number, scale = 1): Float32Array {
  return Float32Array.from({ length }, () => random() * scale);
}

export function upload(
  session: GpuSession,
  label: string,
  shape: readonly number[],
  values: Float32Array | Uint32Array,
): Tensor {
  const tensor = session.createStorage(label, "activations", shape);
  session.device.queue.writeBuffer(tensor.buffer, 0, values as Float32Array<ArrayBuffer>);
  return tensor;
}

/** What an output holds before its kernel runs: a value that no kernel computes. */
export const SENTINEL = -12345.5;

/** A tensor full of SENTINEL, to be read by readWritten. */
export function createOutput(session: GpuSession, label: string, shape: readonly number[]): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return upload(session, label, shape, new Float32Array(length).fill(SENTINEL));
}

/** `numColumns`, or for q8 and q4, whose groups of 32 are whole, the next width they can have. */
export function columnsFor(format: WeightFormat, numColumns: number): number {
  return format === "q8" || format === "q4" ? Math.ceil(numColumns / GROUP_SIZE) * GROUP_SIZE : numColumns;
}

export interface TestWeights {
  readonly matrix: WeightMatrix;
  /** (num_rows, num_columns), what the kernel sees after decoding. */
  readonly values: Float32Array;
}

/** Encodes rows in a weight format and uploads them; `values` are the decoded rows. */
export function uploadWeights(
  session: GpuSession,
  label: string,
  format: WeightFormat,
  numRows: number,
  numColumns: number,
  rows: Float32Array,
): TestWeights {
  const bytes = encodeRows(format, rows, numRows, numColumns);
  const sizeBytes = numRows * rowStrideBytes(format, numColumns);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = session.createBuffer(label, "weights", sizeBytes, usage);
  session.device.queue.writeBuffer(buffer, 0, bytes as Uint8Array<ArrayBuffer>);
  const matrix = { label, buffer, offsetBytes: 0, sizeBytes, shape: [numRows, numColumns], format };
  return { matrix, values: decodeRows(format, bytes, numRows, numColumns) };
}

/** The uniform of a greedy call over one segment, with some fields replaced. */
export function uploadCall(session: GpuSession, call: Partial<Call>): Tensor {
  const uniform = createCallUniform(session);
  writeCall(session, uniform, { numTokens: 1, numSegments: 1, sampling: GREEDY, endTokenIds: [], ...call });
  return uniform;
}

export function uploadStep(session: GpuSession, position: number, tokenIds: readonly number[]): Tensor {
  const step = createStep(session, "step", tokenIds.length);
  writeStep(session, step, position, tokenIds);
  return step;
}

export function run(session: GpuSession, dispatches: readonly Dispatch[], numTokens: number): void {
  submitDispatches(session, dispatches, numTokens);
}

export async function readWords(session: GpuSession, tensor: Tensor): Promise<ArrayBuffer> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = session.createBuffer("test read back", "staging", tensor.sizeBytes, usage);
  const encoder = session.device.createCommandEncoder();
  encoder.copyBufferToBuffer(tensor.buffer, tensor.offsetBytes, staging, 0, tensor.sizeBytes);
  session.device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ, 0, tensor.sizeBytes);
  const words = staging.getMappedRange(0, tensor.sizeBytes).slice(0);
  session.destroyBuffer(staging);
  return words;
}

export async function readFloats(session: GpuSession, tensor: Tensor): Promise<Float32Array> {
  return new Float32Array(await readWords(session, tensor));
}

/** The first `length` elements; fails unless all of them are written and everything after them still is SENTINEL. */
export async function readWritten(session: GpuSession, tensor: Tensor, length: number): Promise<Float32Array> {
  const values = await readFloats(session, tensor);
  expect(values.subarray(0, length).indexOf(SENTINEL), `first element of ${tensor.label} that was not written`).toBe(
    -1,
  );
  const touched = values.subarray(length).findIndex((value) => value !== SENTINEL);
  expect(touched, `first element past the block that was written to ${tensor.label}`).toBe(-1);
  return values.slice(0, length);
}

/** Largest difference divided by the largest expected magnitude; NaN anywhere gives Infinity. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBeGreaterThanOrEqual(expected.length);
  let largest = 1e-30;
  let error = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(actual[i]!)) return Infinity;
    largest = Math.max(largest, Math.abs(expected[i]!));
    error = Math.max(error, Math.abs(actual[i]! - expected[i]!));
  }
  return error / largest;
}
