// The comment that opens a kernel's WGSL file: what it holds, and in which order.

export interface ShaderBinding {
  readonly binding: number;
  readonly name: string;
  readonly type: string;
  readonly access: "uniform" | "read" | "read_write";
}

export interface ShaderHeader {
  readonly bindings: readonly ShaderBinding[];
  /** Path of the float64 reference and the function's name. */
  readonly reference: { readonly path: string; readonly name: string };
  /** Appended files below `shaders/`, e.g. `common/reduce.wgsl`. */
  readonly appends: readonly string[];
}

const TITLES = ["Bindings", "Dispatch", "Source", "Reference", "Appends"] as const;
const BINDING = /^(\d+) (\w+): (.+), (uniform|read|read_write) — \S/;

/** Parses the header of `shaders/<name>.wgsl`; `problems` say what it lacks. */
export function parseHeader(name: string, text: string): { header: ShaderHeader; problems: string[] } {
  const problems: string[] = [];
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  const [first, ...rest] = lines.slice(0, end === -1 ? lines.length : end).map((line) => line.slice(2).trimEnd());
  if (!/^ \w+: \S/.test(first ?? "") || !first!.startsWith(` ${name}: `)) {
    problems.push(`line 1: expected "// ${name}: <what it computes>", got "${lines[0] ?? ""}"`);
  }

  const sections = new Map<string, string[]>();
  let section: string[] = [];
  sections.set("formula", section);
  for (const line of rest) {
    const title = /^ (\w+):(?: (.+))?$/.exec(line);
    if (title) {
      if (sections.has(title[1]!)) problems.push(`header: expected one ${title[1]!}, got several`);
      section = title[2] ? [title[2]] : [];
      sections.set(title[1]!, section);
    } else if (line.startsWith("   ")) {
      section.push(line.slice(3));
    } else {
      problems.push(`header: expected a title or a line indented by three spaces, got "//${line}"`);
    }
  }
  if (sections.get("formula")!.length === 0) problems.push("header: expected a formula on line 2, got none");
  const titles = [...sections.keys()].slice(1);
  const expected = TITLES.filter((title) => title !== "Appends" || sections.has(title));
  if (titles.join() !== expected.join()) {
    problems.push(`header: expected ${expected.join(", ")} in this order, got ${titles.join(", ") || "none"}`);
  }
  for (const title of expected) {
    if (sections.get(title)?.length === 0) problems.push(`header: expected text for ${title}, got none`);
  }

  const bindings = (sections.get("Bindings") ?? []).flatMap((line) => {
    const match = BINDING.exec(line);
    if (match) {
      const [, binding, bindingName, type, access] = match;
      return { binding: Number(binding), name: bindingName!, type: type!, access: access as ShaderBinding["access"] };
    }
    if (!line.startsWith("  ")) {
      problems.push(`Bindings: expected "<number> <name>: <type>, <access> — <meaning>", got "${line}"`);
    }
    return [];
  });
  const referenceText = (sections.get("Reference") ?? []).join(" ");
  const reference = /^(src\/reference\/\S+\.ts), (\w+)$/.exec(referenceText);
  if (!reference && referenceText !== "") {
    problems.push(`Reference: expected "src/reference/<file>.ts, <function>", got "${referenceText}"`);
  }
  const appendsText = (sections.get("Appends") ?? []).join(" ");
  const appends = appendsText === "" ? [] : appendsText.split(/,\s+/);
  return {
    header: { bindings, reference: { path: reference?.[1] ?? "", name: reference?.[2] ?? "" }, appends },
    problems,
  };
}
