import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { leastSubgroups, matvecConstants } from "./matvec.ts";
import { expectTerms, type ResidualTerms, termConstants, termRowLength } from "./residual-terms.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

/** Columns of an expert that a workgroup owns at most: a group of down_proj's input. */
const MAX_SLICE_COLUMNS = 32;
const WORKGROUP_SIZE = 384;
/** Of as many experts each has a whole number of threads. */
const MOST_EXPERTS = 128;
const MANY_EXPERTS_WORKGROUP_SIZE = 512;

export interface ExpertsDecodeConstants {
  readonly format: WeightFormat;
  /** Of down_proj. */
  readonly downFormat: WeightFormat;
  readonly input: ResidualTerms;
  readonly hiddenSize: number;
  readonly eps: number;
  /** A multiple of 4. */
  readonly intermediateSize: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

export interface ExpertsDecodeTensors {
  /** (1 + numTerms or more, hiddenSize + 4), or (rows, hiddenSize), the first row read */
  readonly terms: Tensor;
  /** post_attention_layernorm, (hiddenSize) */
  readonly norm: Tensor;
  /** (numExperts, hiddenSize) */
  readonly router: Tensor;
  /** gate_up_proj, (numExperts * 2 * intermediateSize, hiddenSize) */
  readonly weights: WeightMatrix;
  /** down_proj, (numExperts * hiddenSize, intermediateSize) */
  readonly downWeights: WeightMatrix;
  /** (2 + expertTerms(…), hiddenSize + 4), written: the next residual, the terms, the hidden state of the input */
  readonly nextTerms: Tensor;
}

/** Terms that `experts_decode` leaves: one for each slice of an expert's columns. */
export function expertTerms(sizes: { intermediateSize: number; expertsPerToken: number }): number {
  return sizes.expertsPerToken * Math.ceil(sizes.intermediateSize / sliceColumnsOf(sizes.intermediateSize));
}

function sliceColumnsOf(intermediateSize: number): number {
  return Math.min(MAX_SLICE_COLUMNS, intermediateSize);
}

/** Compiles `experts_decode`. */
export async function createExpertsDecode(session: GpuSession, constants: ExpertsDecodeConstants) {
  const { format, downFormat, input, hiddenSize, eps, intermediateSize, numExperts, expertsPerToken } = constants;
  const weightGroups = numWeightGroups(hiddenSize);
  const sliceColumns = sliceColumnsOf(intermediateSize);
  const sizes = matvecConstants(session, {
    format,
    inputGroups: weightGroups,
    rows: 2 * sliceColumns,
    workgroupSize: numExperts > MOST_EXPERTS ? MANY_EXPERTS_WORKGROUP_SIZE : WORKGROUP_SIZE,
  });
  const expertThreads = 2 ** Math.ceil(Math.log2(numExperts));
  if (expertThreads > sizes.WORKGROUP_SIZE) {
    throw new RangeError(`num_experts: expected at most ${sizes.WORKGROUP_SIZE}, got ${numExperts}`);
  }
  const kernel = await compileKernel(
    session,
    {
      name: "experts_decode",
      appends: [
        "common/residual_terms",
        "common/sums",
        "common/routing",
        "common/matvec",
        "common/slice_product",
        ...weightAppends(format, downFormat),
      ],
      bindings: ["read", "read", "read", "read", "read", "read_write"],
    },
    {
      ...sizes,
      ...termConstants(input, hiddenSize, eps),
      WEIGHT_GROUPS: weightGroups,
      OUT_WEIGHT_GROUPS: numWeightGroups(intermediateSize),
      NUM_EXPERTS: numExperts,
      EXPERTS_PER_TOKEN: expertsPerToken,
      EXPERT_THREADS: expertThreads,
      MIN_SUBGROUPS: leastSubgroups(session, sizes.WORKGROUP_SIZE),
      INTERMEDIATE_SIZE: intermediateSize,
      SLICE_COLUMNS: sliceColumns,
    },
  );
  return (label: string, tensors: ExpertsDecodeTensors): Dispatch => {
    const { terms, norm, router, weights, downWeights, nextTerms } = tensors;
    expectTerms(terms, input, hiddenSize);
    expectShape(norm, [hiddenSize]);
    expectShape(router, [numExperts, hiddenSize]);
    expectWeights(weights, format, numExperts * 2 * intermediateSize, hiddenSize);
    expectWeights(downWeights, downFormat, numExperts * hiddenSize, intermediateSize);
    expectShape(nextTerms, [2 + expertTerms(constants), termRowLength(hiddenSize)]);
    const bound = [terms, norm, router, weights, downWeights, nextTerms];
    const grid = [Math.ceil(intermediateSize / sliceColumns), expertsPerToken, 1] as const;
    const unread = (weights.sizeBytes + downWeights.sizeBytes) * (1 - expertsPerToken / numExperts);
    return createDispatch(session, kernel, label, bound, () => grid, unread);
  };
}
