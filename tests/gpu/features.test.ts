import { describe, expect, test } from "vitest";
import {
  adapterFeaturesOf,
  chooseFeatures,
  enableLines,
  offeredFeatures,
  parseFeatureChoice,
} from "../../src/gpu/features.ts";

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

  test("subgroup matrices are offered in the shape and with the subgroups that the tile is written for", () => {
    const config = { componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 };
    const offers = (change: object) => {
      const info = { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: [config], ...change };
      const adapter = { features: EVERYTHING, info } as unknown as GPUAdapter;
      return offeredFeatures(adapter).has("chromium-experimental-subgroup-matrix");
    };
    expect(offers({})).toBe(true);
    expect(offers({ subgroupMinSize: 8 })).toBe(false);
    expect(offers({ subgroupMaxSize: 64 })).toBe(false);
    expect(offers({ subgroupMatrixConfigs: [{ ...config, K: 8 }] })).toBe(false);
    expect(offers({ subgroupMatrixConfigs: [{ ...config, resultComponentType: "f16" }] })).toBe(false);
    expect(offers({ subgroupMatrixConfigs: undefined })).toBe(false);
  });

  test("a feature asks the device and begins the shader", () => {
    const chosen = chooseFeatures(["subgroups", "subgroup-matrix"], EVERYTHING);
    expect(adapterFeaturesOf(chosen)).toEqual(["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"]);
    expect(enableLines(new Set(["f16"]))).toBe("enable f16;\n");
  });
});
