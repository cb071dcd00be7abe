import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { isProcessor, matvecConstants } from "./matvec.ts";
import { expectTerms, type ResidualTerms, termConstants } from "./residual-terms.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

/** Many, since every workgroup computes the norm anew. */
const ROWS = 64;
/** On a processor that plays GPU, where each workgroup costs. */
const PROCESSOR_ROWS = 256;
const WORKGROUP_SIZE = 512;

export interface HeadConstants {
  readonly format: WeightFormat;
  readonly input: ResidualTerms;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly eps: number;
  /** The head's rows in this binding: a head beyond the binding limit has several. */
  readonly firstRow: number;
  readonly numRows: number;
}

export interface HeadTensors {
  readonly call: Tensor;
  /** (1 + numTerms or more, hiddenSize + 4), or (blockSize, hiddenSize), the last token's row read */
  readonly terms: Tensor;
  /** (hiddenSize) */
  readonly norm: Tensor;
  /** (numRows, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (1, vocabSize), firstRow .. firstRow + numRows written */
  readonly logits: Tensor;
}

/** Compiles `head` for one range of the vocabulary. */
export async function createHead(session: GpuSession, constants: HeadConstants) {
  const { format, input, hiddenSize, vocabSize, eps, firstRow, numRows } = constants;
  const weightGroups = numWeightGroups(hiddenSize);
  const rows = isProcessor(session) ? PROCESSOR_ROWS : ROWS;
  const kernel = await compileKernel(
    session,
    {
      name: "head",
      appends: ["common/call", "common/residual_terms", "common/sums", "common/matvec", ...weightAppends(format)],
      bindings: ["uniform", "read", "read", "read", "read_write"],
    },
    {
      ...matvecConstants(session, { format, inputGroups: weightGroups, rows, workgroupSize: WORKGROUP_SIZE }),
      ...termConstants(input, hiddenSize, eps),
      WEIGHT_GROUPS: weightGroups,
      FIRST_ROW: firstRow,
      NUM_ROWS: numRows,
    },
  );
  return (label: string, { call, terms, norm, weights, logits }: HeadTensors): Dispatch => {
    expectTerms(terms, input, hiddenSize);
    expectShape(norm, [hiddenSize]);
    expectWeights(weights, format, numRows, hiddenSize);
    expectShape(logits, [1, vocabSize]);
    const numWorkgroups = Math.ceil(numRows / rows);
    return createDispatch(session, kernel, label, [call, terms, norm, weights, logits], () => [numWorkgroups, 1, 1]);
  };
}
