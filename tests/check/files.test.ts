import { expect, test } from "vitest";
import { checkFileName, checkLength } from "../../scripts/check/files.ts";

test.each(["src/ui/utils.ts", "src/utils/round.ts", "src/gpu/buffer-manager.ts", "src/model/types.ts", "src/index.ts"])(
  "%s has a name that says nothing",
  (path) => {
    expect(checkFileName(path)).toEqual([expect.stringContaining(`${path}: expected words that name the subject`)]);
  },
);

test.each(["src/model/kv-cache.ts", "src/ui/state/worker-events.ts", "index.html", "shaders/moe_sort.wgsl"])(
  "%s has a name of its own",
  (path) => {
    expect(checkFileName(path)).toEqual([]);
  },
);

test("a file of more than 300 lines is told, one of 300 is not", () => {
  expect(checkLength("src/a.ts", "line\n".repeat(300))).toEqual([]);
  expect(checkLength("src/a.ts", "line\n".repeat(301))).toEqual(["src/a.ts: expected at most 300 lines, got 301"]);
});
