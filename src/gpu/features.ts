// What an adapter may offer beyond plain WebGPU, and which of it the kernels use: one table, from which everything follows.

/** An optional ability for which kernels have variants. */
export type Feature = "subgroups" | "f16" | "subgroup-matrix";

interface FeatureRow {
  readonly name: Feature;
  /** What the adapter must offer, and the device is asked for. */
  readonly adapterFeatures: readonly string[];
  /** WGSL enables that kernels begin with. */
  readonly enables: readonly string[];
  /** Used unless somebody says otherwise: only what has run on hardware. */
  readonly isDefault: boolean;
}

const TABLE: readonly FeatureRow[] = [
  { name: "subgroups", adapterFeatures: ["subgroups"], enables: ["subgroups"], isDefault: true },
  { name: "f16", adapterFeatures: ["shader-f16"], enables: ["f16"], isDefault: false },
  {
    name: "subgroup-matrix",
    adapterFeatures: ["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"],
    enables: ["subgroups", "f16", "chromium_experimental_subgroup_matrix"],
    isDefault: false,
  },
];

export const FEATURES: readonly Feature[] = TABLE.map(({ name }) => name);

/** `default`: all that is offered and has run on hardware; `none`: the plain path; a list: these, which must be offered. */
export type FeatureChoice = "default" | "none" | readonly Feature[];

/** What was chosen is no choice, or is not offered. */
export class FeatureChoiceError extends Error {
  override readonly name = "FeatureChoiceError";
}

/** Reads `default`, `none` or a list such as `subgroups,f16`; throws FeatureChoiceError for anything else. */
export function parseFeatureChoice(text: string): FeatureChoice {
  if (text === "default" || text === "none") return text;
  return text.split(",").map((name) => {
    const feature = FEATURES.find((known) => known === name);
    if (!feature) {
      const expected = `default, none or some of ${FEATURES.join(",")}`;
      throw new FeatureChoiceError(`features: expected ${expected}, got ${text || "nothing"}`);
    }
    return feature;
  });
}

/** An entry of an adapter's subgroupMatrixConfigs, which is experimental. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What shaders/common/tile.subgroup-matrix.wgsl is written for. */
const MATRIX_SUBGROUP_SIZE = 32;
const MATRIX_SIZE = 16;

/** The adapter's features that kernels can use: subgroup matrices of another shape, or of other subgroups, they cannot. */
export function offeredFeatures({ features, info }: Pick<GPUAdapter, "features" | "info">): ReadonlySet<string> {
  const { subgroupMinSize, subgroupMaxSize } = info;
  const { subgroupMatrixConfigs: configs } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const hasShape = [...(configs ?? [])].some(({ componentType, resultComponentType, M, N, K }) => {
    const hasTypes = componentType === "f16" && resultComponentType === "f32";
    return hasTypes && [M, N, K].every((size) => size === MATRIX_SIZE);
  });
  const fits = hasShape && subgroupMinSize === MATRIX_SUBGROUP_SIZE && subgroupMaxSize === MATRIX_SUBGROUP_SIZE;
  const all = [...(features as ReadonlySet<string>)];
  return new Set(fits ? all : all.filter((name) => name !== "chromium-experimental-subgroup-matrix"));
}

/** The features that are chosen and offered; FeatureChoiceError when one of a list is not offered. */
export function chooseFeatures(choice: FeatureChoice, offered: ReadonlySet<string>): ReadonlySet<Feature> {
  const isOffered = ({ adapterFeatures }: FeatureRow) => adapterFeatures.every((feature) => offered.has(feature));
  if (choice === "none") return new Set();
  if (choice === "default")
    return new Set(TABLE.filter((row) => row.isDefault && isOffered(row)).map(({ name }) => name));
  for (const row of TABLE) {
    if (choice.includes(row.name) && !isOffered(row)) {
      throw new FeatureChoiceError(`features: expected what the GPU offers, got ${row.name}`);
    }
  }
  return new Set(choice);
}

/** What the device is asked for. */
export function adapterFeaturesOf(features: ReadonlySet<Feature>): GPUFeatureName[] {
  return [...new Set(rowsOf(features).flatMap(({ adapterFeatures }) => adapterFeatures))] as GPUFeatureName[];
}

/** What a kernel's text begins with. */
export function enableLines(features: ReadonlySet<Feature>): string {
  const enables = new Set(rowsOf(features).flatMap((row) => row.enables));
  return [...enables].map((name) => `enable ${name};\n`).join("");
}

function rowsOf(features: ReadonlySet<Feature>): FeatureRow[] {
  return TABLE.filter(({ name }) => features.has(name));
}
