import { describe, expect, test } from "vitest";
import { adapterFeaturesOf, chooseFeatures, enableLines, parseFeatureChoice } from "../../src/gpu/features.ts";

const EVERYTHING = new Set(["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix", "timestamp-query"]);

describe("features", () => {
  test("none is the plain path, whatever is offered", () => {
    expect([...chooseFeatures("none", EVERYTHING)]).toEqual([]);
  });

  test("default takes only what is offered", () => {
    expect([...chooseFeatures("default", new Set())]).toEqual([]);
    expect([...chooseFeatures("default", EVERYTHING)]).toContain("subgroups");
  });

  test("a list must be offered", () => {
    expect([...chooseFeatures(["f16"], EVERYTHING)]).toEqual(["f16"]);
    expect(() => chooseFeatures(["f16"], new Set(["subgroups"]))).toThrow(
      "features: expected what the GPU offers, got f16",
    );
  });

  test("a choice is read from text", () => {
    expect(parseFeatureChoice("none")).toBe("none");
    expect(parseFeatureChoice("subgroups,f16")).toEqual(["subgroups", "f16"]);
    expect(() => parseFeatureChoice("warp")).toThrow(/^features: expected default, none or some of .*, got warp$/);
  });

  test("a feature asks the device and begins the shader", () => {
    const chosen = chooseFeatures(["subgroups", "subgroup-matrix"], EVERYTHING);
    expect(adapterFeaturesOf(chosen)).toEqual(["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"]);
    expect(enableLines(new Set(["f16"]))).toBe("enable f16;\n");
  });
});
