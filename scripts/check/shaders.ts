// One name, five places: every kernel's WGSL file has a header that says what the code does, an entry point of its
// name, a wrapper, a float64 reference and a parity test.

import { parseHeader, type ShaderBinding } from "./shader-header.ts";

/** A project's files: the text of a path below its root, undefined when there is none. */
export type ReadText = (path: string) => string | undefined;

/** What a file of one of several formats in a header stands for: all of them declare the same. */
const FORMATS = [
  ["weight_FORMAT", "weight_q4"],
  ["kv_FORMAT", "kv_f32"],
] as const;

const DECLARATION =
  /@group\(\s*(\d+)\s*\)\s*@binding\(\s*(\d+)\s*\)\s*var\s*<\s*(uniform|storage)\s*(?:,\s*(\w+)\s*)?>\s*(\w+)\s*:\s*([^;]+);/g;
const ENTRY_POINT = /@(?:compute|vertex|fragment)\b[^{;]*?\bfn\s+(\w+)/g;

/** Problems of one kernel, each with the file's path before it. */
export function checkShader(name: string, readText: ReadText): string[] {
  const path = `shaders/${name}.wgsl`;
  const text = readText(path) ?? "";
  const { header, problems } = parseHeader(name, text);

  let code = withoutComments(text);
  for (const append of header.appends) {
    const file = FORMATS.reduce((path, [name, format]) => path.replace(name, format), append);
    const [path, prefix] = file.split(" as ");
    // A second copy of a format is checked as the first: only its names differ.
    const appended = prefix === undefined ? readText(`shaders/${path}`) : "";
    if (appended === undefined) problems.push(`Appends: expected a file of shaders/, got ${append}`);
    code += `\n${withoutComments(appended ?? "")}`;
  }
  problems.push(...compareBindings(header.bindings, code));

  const entryPoints = [...code.matchAll(ENTRY_POINT)].map((match) => match[1]!);
  if (entryPoints.join() !== name) {
    problems.push(`entry point: expected ${name} alone, got ${entryPoints.join(", ") || "none"}`);
  }

  const kebabName = name.replaceAll("_", "-");
  const camelName = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const createName = `create${camelName[0]!.toUpperCase()}${camelName.slice(1)}`;
  expectFunction(`src/kernels/${kebabName}.ts`, createName, "wrapper");
  if (header.reference.path !== "") {
    expectFunction(header.reference.path, header.reference.name, "Reference");
    if (header.reference.name !== camelName) {
      problems.push(`Reference: expected the function ${camelName}, got ${header.reference.name}`);
    }
  }
  const testPath = `tests/gpu/kernels/${kebabName}.test.ts`;
  if (!readText(testPath)?.includes(`${createName}(`)) {
    problems.push(`test: expected a call of ${createName} in ${testPath}, got none`);
  }
  return problems.map((problem) => `${path}: ${problem}`);

  function expectFunction(file: string, functionName: string, what: string): void {
    const exported = new RegExp(`^export (async )?function ${functionName}\\b`, "m");
    if (!exported.test(readText(file) ?? "")) {
      problems.push(`${what}: expected ${file} to export function ${functionName}, got none`);
    }
  }
}

/** Header and code name the same bindings, in the order of their numbers from 0. */
function compareBindings(header: readonly ShaderBinding[], code: string): string[] {
  const problems: string[] = [];
  const declared = [...code.matchAll(DECLARATION)].map(([, group, binding, space, access, name, type]) => {
    if (group !== "0") problems.push(`${name!}: expected group 0, got ${group!}`);
    const accessName = space === "uniform" ? space : (access ?? "read");
    return `${binding!} ${name!}: ${withoutSpaces(type!)}, ${accessName}`;
  });
  const numBindings = code.match(/@binding\b/g)?.length ?? 0;
  if (numBindings !== declared.length) {
    problems.push(`bindings: expected ${numBindings} uniform or storage declarations, got ${declared.length}`);
  }
  const told = header.map(({ binding, name, type, access }) => `${binding} ${name}: ${withoutSpaces(type)}, ${access}`);
  for (const binding of declared) {
    if (!told.includes(binding)) problems.push(`Bindings: expected "${binding}" as in the code, got none`);
  }
  for (const binding of told) {
    if (!declared.includes(binding)) problems.push(`Bindings: expected only what the code binds, got "${binding}"`);
  }
  header.forEach(({ binding, name }, index) => {
    if (binding !== index) problems.push(`Bindings: expected ${name} to be number ${index}, got ${binding}`);
  });
  return problems;
}

function withoutSpaces(type: string): string {
  return type.replace(/\s+/g, "").replace(/,(?=>)/g, "");
}

/** WGSL's block comments nest, but none of ours do. */
function withoutComments(code: string): string {
  return code.replace(/\/\/.*|\/\*[^]*?\*\//g, "");
}
