import { expect, test } from "vitest";
import { checkShader } from "../../scripts/check/shaders.ts";

const HEADER = `// double_row: each row of the input, doubled.
//   output[row] = 2 · input[row]
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 input: array<f32>, read — (num_tokens, row_size), a meaning that
//     takes two lines
//   2 output: array<vec4<f32>>, read_write — (num_tokens, row_size), written
//   3 weights: array<vec4<u32>>, read — encoded
// Dispatch: (num_tokens, 1, 1) workgroups; each owns one row.
// Source: arXiv:2501.08313 §2
// Reference: src/reference/double-row.ts, doubleRow
// Appends: common/call.wgsl,
//   common/weight_FORMAT.wgsl
`;

const CODE = `
@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1)
var<storage, read> input: array<f32>;  // @group(0) @binding(7) var<storage, read> old: u32;
@group(0) @binding(2) var<storage, read_write> output: array< vec4<f32> >;

@compute @workgroup_size(64)
fn double_row(@builtin(workgroup_id) workgroup: vec3<u32>) {
}
fn not_an_entry() {}
`;

const FILES: Readonly<Record<string, string>> = {
  "shaders/double_row.wgsl": HEADER + CODE,
  "shaders/common/call.wgsl": "struct Call { num_tokens: u32 }\n",
  "shaders/common/weight_q4.wgsl": "@group(0) @binding(3) var<storage> weights: array<vec4<u32>>;\n",
  "src/kernels/double-row.ts": "export async function createDoubleRow(session: GpuSession) {}\n",
  "src/reference/double-row.ts": "export function doubleRow(input: Float64Array) {}\n",
  "tests/gpu/kernels/double-row.test.ts": "const doubleRow = await createDoubleRow(session);\n",
};

/** The problems when a text in one of the files is replaced. */
function problemsWith(path: string, search: string, replacement: string): string[] {
  const text = FILES[path]!;
  if (!text.includes(search)) throw new Error(`${path}: expected ${search}, got none`);
  const files: Record<string, string> = { ...FILES, [path]: text.replace(search, () => replacement) };
  return checkShader("double_row", (wanted) => files[wanted]);
}

function problemsWithout(path: string): string[] {
  return checkShader("double_row", (wanted) => (wanted === path ? undefined : FILES[wanted]));
}

const SHADER = "shaders/double_row.wgsl";

test("a kernel in all five places has no problem", () => {
  expect(checkShader("double_row", (path) => FILES[path])).toEqual([]);
});

test.each([
  [
    "what it computes",
    "// double_row: each row",
    "// doubles: each row",
    'expected "// double_row: <what it computes>"',
  ],
  ["no formula", "//   output[row] = 2 · input[row]\n", "", "expected a formula on line 2, got none"],
  ["no bindings", "// Bindings:\n", "", "expected Bindings, Dispatch, Source, Reference, Appends in this order"],
  ["no source", "// Source: arXiv:2501.08313 §2\n", "", "got Bindings, Dispatch, Reference, Appends"],
  ["an empty source", "// Source: arXiv:2501.08313 §2", "// Source:", "expected text for Source, got none"],
  ["a title that nobody knows", "// Source:", "// Sauce:", "got Bindings, Dispatch, Sauce, Reference, Appends"],
  ["a title twice", "// Source:", "// Dispatch: x\n// Source:", "expected one Dispatch, got several"],
  ["a line that is not indented", "//   common/weight", "// common/weight", "expected a title or a line indented"],
  ["a binding without a meaning", ", uniform — num_tokens", ", uniform", 'got "0 call: Call, uniform"'],
  ["an unknown access", "array<f32>, read —", "array<f32>, write —", 'expected "<number> <name>: <type>, <access>'],
  ["another type", "input: array<f32>, read", "input: array<u32>, read", 'expected "1 input: array<f32>, read"'],
  ["another access", ", read_write — (num", ", read — (num", 'got "2 output: array<vec4<f32>>, read"'],
  ["another number", "//   1 input", "//   4 input", "expected input to be number 1, got 4"],
  ["another name", "//   1 input", "//   1 inputs", 'expected only what the code binds, got "1 inputs: array<f32>'],
  ["a binding less in the header", "//   3 weights: array<vec4<u32>>, read — encoded\n", "", 'expected "3 weights:'],
  [
    "another access in the code",
    "<storage, read_write>",
    "<storage, read>",
    'expected "2 output: array<vec4<f32>>, read"',
  ],
  ["another group", "@group(0) @binding(2)", "@group(1) @binding(2)", "output: expected group 0, got 1"],
  [
    "a binding of another kind",
    "var<storage, read> input: array<f32>",
    "var input: texture_2d<f32>",
    "expected 4 uniform",
  ],
  ["no entry point", "@compute @workgroup_size(64)\n", "", "expected double_row alone, got none"],
  ["an entry point of another name", "fn double_row", "fn main", "expected double_row alone, got main"],
  ["two entry points", "fn not_an_entry", "@compute @workgroup_size(1) fn second", "got double_row, second"],
  ["an appended file that is missing", "common/call.wgsl,", "common/calls.wgsl,", "got common/calls.wgsl"],
  ["a reference elsewhere", "src/reference/double-row.ts,", "src/kernels/double-row.ts,", "Reference: expected"],
  ["a reference of another name", "doubleRow\n", "double\n", "expected the function doubleRow, got double"],
])("a header or code with %s is told", (_, search, replacement, problem) => {
  const problems = problemsWith(SHADER, search, replacement);
  expect(problems.join("\n")).toContain(problem);
  for (const told of problems) expect(told).toMatch(/^shaders\/double_row\.wgsl: /);
});

test.each([
  ["wrapper", "src/kernels/double-row.ts", "expected src/kernels/double-row.ts to export function createDoubleRow"],
  ["reference", "src/reference/double-row.ts", "expected src/reference/double-row.ts to export function doubleRow"],
  ["test", "tests/gpu/kernels/double-row.test.ts", "expected a call of createDoubleRow in tests/gpu/kernels"],
])("a missing %s is told", (_, path, problem) => {
  expect(problemsWithout(path)).toEqual([expect.stringContaining(problem)]);
});

test.each([
  ["src/kernels/double-row.ts", "createDoubleRow", "createDoubleRows"],
  ["src/kernels/double-row.ts", "export async", "async"],
  ["src/reference/double-row.ts", "doubleRow", "doubleRows"],
  ["tests/gpu/kernels/double-row.test.ts", "createDoubleRow(", "createDoubleRows("],
])("a function of another name in %s is told", (path, search, replacement) => {
  expect(problemsWith(path, search, replacement)).toHaveLength(1);
});

test("a binding that an appended file declares must be in the header", () => {
  const path = "shaders/common/call.wgsl";
  const more = "@group(0) @binding(4) var<storage, read> more: u32;\nstruct Call";
  const problems = problemsWith(path, "struct Call", more);
  expect(problems).toEqual([`${SHADER}: Bindings: expected "4 more: u32, read" as in the code, got none`]);
});
